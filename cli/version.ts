/** Equal to package.json's; a test compares them. Kept here so that `varve --version` reads no other file. */
export const VERSION = "0.1.0";
