/** ctrl-p, then ctrl-q: docker's. */
const KEYS = Buffer.of(0x10, 0x11);

/**
 * Looks for the keys that leave a terminal in what is typed on it.
 *
 * @returns Takes what was typed next and gives what of it goes to the process, and whether the keys were among it. A ctrl-p is held back until it is
 *   known what follows.
 */
export function detachKeys(): (typed: Uint8Array) => { readonly passed: Uint8Array; readonly left: boolean } {
  let held = false;
  return (typed) => {
    const bytes = held ? Buffer.concat([KEYS.subarray(0, 1), typed]) : Buffer.from(typed);
    const at = bytes.indexOf(KEYS);
    if (at !== -1) return { passed: bytes.subarray(0, at), left: true };
    held = bytes.at(-1) === KEYS[0];
    return { passed: held ? bytes.subarray(0, -1) : bytes, left: false };
  };
}
