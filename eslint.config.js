import tseslint from "typescript-eslint";

/** Files that write to the terminal, or end the process. Everything else gives values back, or throws. */
const TERMINAL = ["cli/terminal.ts"];
const ENTRY = ["cli/main.ts"];

const throwsPlainError = {
  selector: "NewExpression[callee.name='Error'], CallExpression[callee.name='Error']",
  message: "Throw a VarveError with a code; RangeError or TypeError for a programming mistake.",
};
const realpath = {
  selector: ":matches(MemberExpression[property.name=/^realpath/], ImportSpecifier[imported.name=/^realpath/])",
  message: "A path of a user's tree resolved by us can be changed before the kernel resolves it: open by directory descriptor.",
};
const readdirOfText = {
  selector:
    "CallExpression:matches([callee.name=/^readdir(Sync)?$/], [callee.property.name=/^readdir(Sync)?$/])" +
    ":not(:has(Property[key.name='encoding'])):not(:has(Literal[value='latin1'])):not(:has(Literal[value='buffer']))",
  message: 'Names are bytes: give readdir an encoding, "latin1" or "buffer" for users\' trees.',
};
const namespaceOfJunk = {
  selector: "TSModuleDeclaration[kind='namespace'], TSEnumDeclaration",
  message: "Node can't run namespaces and enums by stripping types: use modules and unions.",
};

export default tseslint.config(
  { ignores: ["build/", "dist/", "node_modules/", "fixtures/"] },
  { linterOptions: { reportUnusedDisableDirectives: "warn" } },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // Numbers belong into messages; `String(n)` in each would only be noise.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // `return this.#leaf(node)` ends a function early.
      "@typescript-eslint/no-confusing-void-expression": "off",
      // Ports declare methods; those that are taken apart are objects of closures.
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: "only-allowed-literals" }],
      // tsconfig's noPropertyAccessFromIndexSignature wants the brackets.
      "@typescript-eslint/dot-notation": "off",
      // Ports promise asynchrony to their callers even where an implementation needs none.
      "@typescript-eslint/require-await": "off",
      // noUncheckedIndexedAccess is on: `!` marks what the loop's bounds prove.
      "@typescript-eslint/no-non-null-assertion": "off",
      eqeqeq: "error",
      "no-console": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "no-param-reassign": "error",
      "no-implicit-coercion": "error",
      "no-restricted-syntax": ["error", namespaceOfJunk],
    },
  },
  {
    files: ["cli/**/*.ts", "core/**/*.ts", "linux/**/*.ts", "overlay/**/*.ts", "store/**/*.ts"],
    rules: {
      "max-lines-per-function": ["error", { max: 70 }],
      "no-restricted-syntax": ["error", namespaceOfJunk, throwsPlainError, realpath],
      "no-restricted-properties": [
        "error",
        {
          object: "process",
          property: "exit",
          message: "Set process.exitCode in cli/main.ts, so that output is flushed and cleanup runs.",
        },
        { object: "process", property: "stdout", message: "Write through the terminal of cli/terminal.ts." },
        { object: "process", property: "stderr", message: "Write through the terminal of cli/terminal.ts." },
      ],
    },
  },
  {
    // Where users' trees are read and written.
    files: ["linux/**/*.ts", "store/directory/**/*.ts", "store/worktree/**/*.ts"],
    rules: { "no-restricted-syntax": ["error", namespaceOfJunk, throwsPlainError, realpath, readdirOfText] },
  },
  { files: [...TERMINAL, ...ENTRY], rules: { "no-restricted-properties": "off" } },
  {
    // One table of cases, or one fake, may well be long.
    files: ["test/**/*.ts", "bench/**/*.ts"],
    rules: {
      "@typescript-eslint/explicit-module-boundary-types": "off",
      // \`(await t.throwsAsync(…))?.code\` fails the test with a comparison in place of a TypeError.
      "@typescript-eslint/no-unnecessary-condition": "off",
      // It takes \`digest as string\`, which \`t.is\` needs, for needless.
      "@typescript-eslint/no-unnecessary-type-assertion": "off",
    },
  },
  {
    files: ["**/*.js", "**/*.mjs"],
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-unused-vars": "error",
      "object-shorthand": "error",
    },
  },
);
