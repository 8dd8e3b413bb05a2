import { existsSync, readFileSync } from "node:fs";
import test from "ava";
import ts from "typescript";
import { nodesOf, parse, PROGRAM_FOLDERS, sourceFiles } from "./source-files.js";

interface RaisedError {
  readonly where: string;
  readonly messages: readonly string[];
  readonly hints: readonly string[];
}

const VALUE = "…";
/** Codes whose meaning is fixed before the commands that raise them are there. */
const RESERVED = ["CONTAINER_STOPPED"];
const raised = sourceFiles(...PROGRAM_FOLDERS).flatMap(errorsRaisedIn);
const messages = raised.flatMap(({ where, messages: texts }) => texts.map((text) => `${where} ${text}`));
const hints = raised.flatMap(({ where, hints: texts }) => texts.map((text) => `${where} ${text}`));

test("the program raises errors that this test can read", (t) => {
  t.true(messages.length > 0);
});

test('each message has the form "Cannot <verb> <object>: <state, wanted state>"', (t) => {
  t.deepEqual(
    messages.filter((line) => !/^\S+ (Cannot (…|[a-z-]+)( \S.*)?: \S|…)/s.test(line)),
    [],
  );
});

test("no message ends with a full stop", (t) => {
  t.deepEqual(
    messages.filter((line) => /\.$/.test(line)),
    [],
  );
});

// A command to copy may end a hint, without a full stop that would be copied with it.
test("each hint is made of whole sentences", (t) => {
  t.deepEqual(
    hints.filter((line) => !/^\S+ (["`…A-Z].*([.?!…]|: varve .*)|…)$/s.test(line)),
    [],
  );
});

test("each error code stands in docs/errors.md", (t) => {
  const document = existsSync("docs/errors.md") ? readFileSync("docs/errors.md", "utf8") : "";
  t.deepEqual(
    errorCodes().filter((code) => !document.includes(`\`${code}\``) && !new RegExp(`^#+ ${code}$`, "m").test(document)),
    [],
  );
});

test("each error code is raised somewhere", (t) => {
  const source = sourceFiles(...PROGRAM_FOLDERS)
    .filter((file) => !["core/errors.ts", "cli/exit-status.ts"].includes(file))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  t.deepEqual(
    errorCodes().filter((code) => !RESERVED.includes(code) && !source.includes(`"${code}"`)),
    [],
  );
});

function errorsRaisedIn(file: string): readonly RaisedError[] {
  return [...nodesOf(parse(file))]
    .filter((node) => ts.isNewExpression(node))
    .filter(({ expression }) => expression.getText() === "VarveError")
    .map((node) => {
      const [, message, context] = node.arguments ?? [];
      const line = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;
      return { where: `${file}:${line}`, messages: message ? textsOf(message) : [], hints: context ? hintsOf(context) : [] };
    });
}

function hintsOf(context: ts.Expression): readonly string[] {
  if (!ts.isObjectLiteralExpression(context)) return [];
  const hint = context.properties.find((property) => property.name?.getText() === "hint");
  return hint !== undefined && ts.isPropertyAssignment(hint) ? textsOf(hint.initializer) : [];
}

/** The texts that an expression can be, with `…` for what only the running program knows. */
function textsOf(expression: ts.Expression): readonly string[] {
  if (ts.isParenthesizedExpression(expression)) return textsOf(expression.expression);
  if (ts.isStringLiteralLike(expression)) return [expression.text];
  if (ts.isConditionalExpression(expression)) return [...textsOf(expression.whenTrue), ...textsOf(expression.whenFalse)];
  if (ts.isTemplateExpression(expression)) {
    return [expression.head.text + expression.templateSpans.map(({ literal }) => VALUE + literal.text).join("")];
  }
  if (ts.isBinaryExpression(expression) && expression.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    return textsOf(expression.left).flatMap((left) => textsOf(expression.right).map((right) => left + right));
  }
  return expression.getText() === "undefined" ? [] : [VALUE];
}

function errorCodes(): readonly string[] {
  const union = [...nodesOf(parse("core/errors.ts"))]
    .filter((node) => ts.isTypeAliasDeclaration(node))
    .find(({ name }) => name.text === "ErrorCode");
  return union === undefined ? [] : [...nodesOf(union)].filter((node) => ts.isStringLiteral(node)).map(({ text }) => text);
}
