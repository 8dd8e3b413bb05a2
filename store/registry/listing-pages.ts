import type { Answer } from "./exchange.js";
import { readJsonObject, type JsonObject } from "./read-json.js";
import { invalidAnswer } from "./registry-fault.js";
import type { RegistryRequest, RegistryRequests } from "./registry-requests.js";

const LARGEST_PAGE_BYTES = 8 << 20;
const MOST_PAGES = 1000;
/** All pages together: some 200,000 tags of the longest kind. */
const LARGEST_LISTING_BYTES = 32 << 20;
/** `<URL>; rel="next"`. @see RFC 8288 */
const NEXT = /<([^<>]*)>\s*;[^,<]*\brel\s*=\s*"?next\b/i;

/**
 * A listing that comes in pages. Each page may lead to a next one of the same listing, on the same registry.
 *
 * @throws VarveError REGISTRY_INVALID for pages that lead in a circle, elsewhere, or on for too long; and as `send`.
 */
export async function* listingPages(
  requests: RegistryRequests,
  first: RegistryRequest,
): AsyncGenerator<{ readonly answer: Answer; readonly page: JsonObject }> {
  const seen = new Set<string>();
  let size = 0;
  for (let request = first; ;) {
    const { answer, bytes } = await requests.document(request, `the list of ${request.what}`, LARGEST_PAGE_BYTES);
    const { host } = answer.url;
    size += bytes.length;
    if (size > LARGEST_LISTING_BYTES)
      throw invalidAnswer(host, `the list of ${request.what} is larger than ${LARGEST_LISTING_BYTES} bytes`);
    yield { answer, page: readJsonObject(bytes, host, `the list of ${request.what}`) };
    const next = nextPage(answer);
    if (next === undefined) return;
    if (seen.has(next.href)) throw invalidAnswer(host, `the list of ${request.what} leads in a circle`);
    seen.add(next.href);
    if (seen.size >= MOST_PAGES) throw invalidAnswer(host, `the list of ${request.what} has more than ${MOST_PAGES} pages`);
    request = { ...request, target: next };
  }
}

function nextPage({ url, headers }: Answer): URL | undefined {
  const { link } = headers;
  const [, target] = NEXT.exec(Array.isArray(link) ? link.join(", ") : (link ?? "")) ?? [];
  if (target === undefined) return undefined;
  if (!URL.canParse(target, url.href)) throw invalidAnswer(url.host, "its list leads to no URL");
  const next = new URL(target, url);
  if (next.origin !== url.origin || next.pathname !== url.pathname) throw invalidAnswer(url.host, "its list leads elsewhere");
  return next;
}
