import { internalQuery } from "./builders";

/** Of these functions and their schema; Agent Runtime asks for it at its start. Part of the contract between the two. */
export const VERSION = 4;

export const version = internalQuery({
  args: {},
  handler: async () => VERSION,
});
