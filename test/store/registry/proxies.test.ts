import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { proxyFor } from "../../../store/registry/proxies.js";

const PROXY = "http://proxy.lan:3128";

const nameOf = (url: string, environment: Readonly<Record<string, string>>): string | undefined =>
  proxyFor(new URL(url), environment)?.name;

test("proxyFor() takes the variable of the URL's scheme, in upper or lower case", (t) => {
  t.is(nameOf("https://a.lan/", { HTTPS_PROXY: PROXY }), "proxy.lan:3128");
  t.is(nameOf("https://a.lan/", { https_proxy: PROXY }), "proxy.lan:3128");
  t.is(nameOf("http://a.lan/", { HTTP_PROXY: PROXY }), "proxy.lan:3128");
  t.is(nameOf("http://a.lan/", { HTTPS_PROXY: PROXY }), undefined);
  t.is(nameOf("https://a.lan/", { HTTP_PROXY: PROXY }), undefined);
  t.is(nameOf("https://a.lan/", { HTTPS_PROXY: "" }), undefined);
  t.is(nameOf("https://a.lan/", { HTTPS_PROXY: " ", https_proxy: PROXY }), "proxy.lan:3128");
  t.is(nameOf("https://a.lan/", { HTTPS_PROXY: PROXY, NO_PROXY: "", no_proxy: "a.lan" }), undefined);
  t.is(nameOf("https://a.lan/", {}), undefined);
});

const written: Readonly<Record<string, readonly [name: string, authorization?: string]>> = {
  "proxy.lan:3128": ["proxy.lan:3128"],
  "http://proxy.lan": ["proxy.lan:80"],
  "https://proxy.lan/": ["proxy.lan:443"],
  "http://[fd00::1]:8080": ["[fd00::1]:8080"],
  "http://me:p%40ss@proxy.lan:1": ["proxy.lan:1", `Basic ${Buffer.from("me:p@ss").toString("base64")}`],
  "me@proxy.lan:1": ["proxy.lan:1", `Basic ${Buffer.from("me:").toString("base64")}`],
};

for (const [text, [name, authorization]] of Object.entries(written))
  test(`a proxy may be written ${text}`, (t) => {
    const proxy = proxyFor(new URL("https://a.lan/"), { HTTPS_PROXY: text });
    t.is(proxy?.name, name);
    t.is(proxy?.authorization, authorization);
  });

for (const text of [
  "socks5://canary@proxy.lan:1080",
  "http://canary@:80",
  "http://me:canary%zz@proxy.lan",
  "http://canary@pro xy:1",
])
  test(`a proxy can't be used that is written ${text}, and its credentials are not told`, (t) => {
    const error = t.throws(() => proxyFor(new URL("https://a.lan/"), { HTTPS_PROXY: text }), { instanceOf: VarveError });
    t.is(error.code, "USAGE");
    t.regex(error.message, /^Cannot use the proxy of HTTPS_PROXY: /);
    t.false(`${error.message}${error.hint}${error.stack}${String(error.cause)}`.includes("canary"));
  });

const exempt: readonly [list: string, url: string, isExempt: boolean][] = [
  ["*", "https://a.lan/", true],
  ["a.lan", "https://a.lan/", true],
  ["a.lan", "https://b.a.lan/", true],
  ["a.lan", "https://ba.lan/", false],
  [".a.lan", "https://b.a.lan/", true],
  [".a.lan", "https://a.lan/", false],
  ["*.a.lan", "https://b.a.lan/", true],
  ["A.LAN", "https://a.lan/", true],
  ["x, a.lan ,y", "https://a.lan/", true],
  ["x a.lan", "https://a.lan/", true],
  ["a.lan:443", "https://a.lan/", true],
  ["a.lan:5000", "https://a.lan/", false],
  ["a.lan:5000", "https://a.lan:5000/", true],
  ["10.1.2.3", "https://10.1.2.3/", true],
  ["10.1.2.3:5000", "https://10.1.2.3:5000/", true],
  ["10.0.0.0/8", "https://10.1.2.3/", true],
  ["10.0.0.0/8", "https://11.1.2.3/", false],
  ["10.0.0.0/33", "https://10.1.2.3/", false],
  ["fd00::/8", "https://[fd00::1]:5000/", true],
  ["fd00::1", "https://[fd00::1]/", true],
  ["[fd00::1]:5000", "https://[fd00::1]:5000/", true],
  ["[fd00::1]:5000", "https://[fd00::1]/", false],
  ["[fd00::/8]", "https://[fd00::1]/", false],
  ["*:5000", "https://a.lan:5000/", false],
  ["*lan", "https://a.lan/", false],
  [":5000", "https://a.lan:5000/", false],
  [".", "https://a.lan/", false],
  ["*.", "https://a.lan/", false],
  [".a.lan:5000", "https://b.a.lan:5000/", true],
  [".a.lan:5000", "https://b.a.lan/", false],
  ["*.a.lan", "https://a.lan/", false],
  ["10.0.0.0/8:5000", "https://10.1.2.3:5000/", false],
  ["10.0.0.0/", "https://10.0.0.0/", false],
  ["10.1.2.3/32", "https://10.1.2.3:5000/", true],
  ["0.0.0.0/0", "https://10.1.2.3/", true],
  ["0.0.0.0/0", "https://a.lan/", false],
  ["x,*", "https://a.lan/", true],
  ["https://a.lan", "https://a.lan/", false],
  ["", "https://a.lan/", false],
  [",,", "https://a.lan/", false],
  ["", "https://127.0.0.1:5000/", true],
  ["", "https://localhost/", true],
  ["", "https://[::1]:1/", true],
];

for (const [list, url, isExempt] of exempt)
  test(`NO_PROXY=${JSON.stringify(list)}: ${url} goes ${isExempt ? "straight" : "through the proxy"}`, (t) => {
    for (const name of ["NO_PROXY", "no_proxy"]) t.is(nameOf(url, { HTTPS_PROXY: PROXY, [name]: list }) === undefined, isExempt);
  });
