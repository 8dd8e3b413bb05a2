import { VarveError } from "../../core/errors.js";
import { command, type Command } from "../command.js";
import { SHELL_SCRIPTS, SHELLS, type Shell } from "../completion/shell-scripts.js";
import { printJson } from "../render/json-array.js";

export const completionCommand: Command = command(
  {
    name: "completion",
    form: "bash|zsh|fish",
    summary: "Print what teaches a shell to complete varve's command lines",
    description: `The shell then completes commands, options, branches, tags, containers and paths within trees (varve ls
main:/etc/<TAB>). Put the line of the example for your shell into its start-up file.`,
    words: [{ name: "bash|zsh|fish", required: true }],
    options: {},
    examples: [
      ["source <(varve completion bash)", "in ~/.bashrc"],
      ["source <(varve completion zsh)", "in ~/.zshrc, after compinit"],
      ["varve completion fish | source", "in ~/.config/fish/config.fish"],
    ],
  },
  async ({ words: [shell = ""], session }) => {
    const script = isShell(shell) ? SHELL_SCRIPTS[shell] : undefined;
    if (script === undefined) {
      throw new VarveError("USAGE", `Cannot complete in "${shell}": it is none of the shells that varve knows`, {
        hint: `They are ${SHELLS.join(", ")}.`,
      });
    }
    if (session.json) printJson(session.terminal, { shell, script });
    else session.terminal.print(script);
  },
);

function isShell(word: string): word is Shell {
  return (SHELLS as readonly string[]).includes(word);
}
