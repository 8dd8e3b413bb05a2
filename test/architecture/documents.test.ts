import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { filesBelow } from "./source-files.js";

const documents = [...readdirSync(".", "utf8").filter((name) => name.endsWith(".md")), ...filesBelow("docs", ".md")];

test("each relative link in a document leads to a file", (t) => {
  const broken = documents.flatMap((document) =>
    linksOf(document)
      .filter((link) => !existsSync(path.join(path.dirname(document), link)))
      .map((link) => `${document} -> ${link}`),
  );
  t.deepEqual(broken, []);
});

test("each npm script that a document names exists", (t) => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly scripts: Readonly<Record<string, string>> };
  const unknown = documents.flatMap((document) =>
    [...readFileSync(document, "utf8").matchAll(/npm run ([a-z:]+)/g)]
      .map(([, name]) => name ?? "")
      .filter((name) => !(name in scripts))
      .map((name) => `${document}: npm run ${name}`),
  );
  t.deepEqual(unknown, []);
});

function linksOf(document: string): readonly string[] {
  return [...readFileSync(document, "utf8").matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)]
    .map(([, link]) => link ?? "")
    .filter((link) => !/^[a-z]+:/.test(link));
}
