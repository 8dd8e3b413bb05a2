// Registries and token servers that never come to an end, or give what is no token.
import test from "ava";
import { VarveError, type ErrorCode } from "../../../core/errors.js";
import { clientWithCanary, hasCanary, serve, toldOf, type Answer } from "../../helpers/hostile-registry.js";

const gives =
  (body: string, headers: Record<string, string> = {}, status = 200): Answer =>
  (_, response) =>
    void response.writeHead(status, headers).end(body);

const token = (value: unknown): Answer => gives(JSON.stringify({ token: value }));

interface Case {
  /** The token server's, which is on the registry's own host. */
  readonly answer: Answer;
  readonly code: ErrorCode;
  readonly says: RegExp;
}

const cases: Readonly<Record<string, Case>> = {
  "a token that the registry refuses": { answer: token("t"), code: "REGISTRY_DENIED", says: /refuses each token/ },
  "a token that has run out": {
    answer: gives('{"token":"t","expires_in":-1}'),
    code: "REGISTRY_DENIED",
    says: /refuses each token/,
  },
  "an object without a token": { answer: gives("{}"), code: "REGISTRY_INVALID", says: /gave no token/ },
  "null for a token": { answer: token(null), code: "REGISTRY_INVALID", says: /gave no token/ },
  "an empty token": { answer: token(""), code: "REGISTRY_INVALID", says: /gave no token/ },
  "a token with a line feed": { answer: token("t\r\nx-evil: 1"), code: "REGISTRY_INVALID", says: /gave no token/ },
  "a token that no header takes": { answer: token("t".repeat(13_000)), code: "REGISTRY_INVALID", says: /gave no token/ },
  "a token of 10 MB": { answer: token("t".repeat(1e7)), code: "REGISTRY_INVALID", says: /larger than 131072 bytes/ },
  "nothing for a token": { answer: gives(""), code: "REGISTRY_INVALID", says: /no JSON/ },
  "another place for a token": {
    answer: gives("", { location: "http://127.0.0.1:1/" }, 302),
    code: "REGISTRY_INVALID",
    says: /status 302/,
  },
  "429 with a wait of 20 digits": {
    answer: gives("", { "retry-after": "9".repeat(20) }, 429),
    code: "REGISTRY_UNREACHABLE",
    says: /asks to wait [\d,]+ seconds$/,
  },
  "429 with a wait of less than nothing": {
    answer: gives("", { "retry-after": "-5" }, 429),
    code: "REGISTRY_UNREACHABLE",
    says: /too many requests \(429\)$/,
  },
  "503 until a day that is past": {
    answer: gives("", { "retry-after": "Fri, 31 Dec 1999 23:59:59 GMT" }, 503),
    code: "REGISTRY_UNREACHABLE",
    says: /can't answer now \(503\)$/,
  },
  "401 for a token": { answer: gives("{}", {}, 401), code: "REGISTRY_DENIED", says: /its token server refuses the credentials/ },
};

for (const [what, { answer, code, says }] of Object.entries(cases)) {
  test(`a token server that gives ${what}, with a new realm each time: ${code}`, async (t) => {
    let asked = 0;
    const server = await serve(t, (request, response, self) => {
      if (request.url?.startsWith("/token") === true) return answer(request, response, self);
      asked += 1;
      const challenge = `Bearer realm="http://${self.host}/token/${asked}",service="s${asked}"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
    });
    const error = await t.throwsAsync(clientWithCanary(t, server).manifest("v1"), { instanceOf: VarveError });
    t.is(error?.code, code, error?.message);
    t.regex(error?.message ?? "", says);
    t.truthy(error?.hint);
    t.false(hasCanary(toldOf(error)));
    t.true(server.received.length <= 6, String(server.received.length));
  });
}

test("a registry that wants a token and a password in turn is asked no more than a few times", async (t) => {
  let asked = 0;
  const server = await serve(t, (request, response, self) => {
    if (request.url?.startsWith("/token") === true) return void response.end('{"token":"t"}');
    asked += 1;
    const challenge = asked % 2 === 1 ? `Bearer realm="http://${self.host}/token"` : 'Basic realm="x"';
    response.writeHead(401, { "www-authenticate": challenge }).end();
  });
  const error = await t.throwsAsync(clientWithCanary(t, server).manifest("v1"), { instanceOf: VarveError });
  t.is(error?.code, "REGISTRY_DENIED");
  t.true(asked <= 3, String(asked));
});
