import { command, type Command } from "../command.js";

export const doctorCommand: Command = command(
  {
    name: "doctor",
    form: "",
    summary: "Tell what this machine can do, and what to do about the rest",
    description: "x",
    words: [],
    options: {},
    examples: [],
  },
  async () => undefined as unknown as number,
);
