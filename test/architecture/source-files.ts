import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/** The folders of the program; tests, scripts and benchmarks apart. */
export const PROGRAM_FOLDERS = ["cli", "core", "linux", "overlay", "store"] as const;

/** TypeScript files below a folder, as paths from the project's root, in order. */
export function sourceFiles(...folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) => filesBelow(folder, ".ts")).sort();
}

export function filesBelow(folder: string, ending: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

export interface Import {
  readonly from: string;
  /** A source file's path from the project's root, or a package's name, or `node:fs`. */
  readonly to: string;
  readonly kind: "file" | "package" | "node";
}

/** All imports of a file: static, dynamic, type-only, for side effects, and `require`. */
export function importsOf(file: string): readonly Import[] {
  const text = readFileSync(file, "utf8");
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => importOf(file, fileName));
}

function importOf(file: string, specifier: string): Import {
  if (specifier.startsWith(".")) {
    const target = path.join(path.dirname(file), specifier).replace(/\.js$/, ".ts");
    return { from: file, to: target, kind: "file" };
  }
  if (specifier.startsWith("node:")) return { from: file, to: specifier, kind: "node" };
  const parts = specifier.split("/");
  return { from: file, to: parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/"), kind: "package" };
}

export function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true);
}

/** Every node of a file, parents before children. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  const children: ts.Node[] = [];
  node.forEachChild((child) => {
    children.push(child);
  });
  for (const child of children) yield* nodesOf(child);
}
