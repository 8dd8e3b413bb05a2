import { readFileSync } from "node:fs";
import { TextDecoder } from "node:util";
import { byteStringOf, isUtf8, textOf, type ByteString } from "../core/model/byte-string.js";

/**
 * The words of the command line. Node decodes argv as UTF-8 and loses what is none; so each byte 0x80 to 0xFF that is no UTF-8
 * comes as a lone surrogate U+DC80 to U+DCFF (the "surrogateescape" of Python's PEP 383), from which `bytesOfWord` gets it back.
 */
export function processWords(): readonly string[] {
  const words = process.argv.slice(2);
  if (!words.some((word) => word.includes("\ufffd"))) return words;
  return wordsOfCommandLine(readFileSync("/proc/self/cmdline"), words.length) ?? words;
}

/** The last `count` words, or nothing when there are fewer. Exported for its test. */
export function wordsOfCommandLine(commandLine: Buffer, count: number): readonly string[] | undefined {
  const words = byteStringOf(commandLine).split("\0").slice(0, -1);
  return words.length < count ? undefined : words.slice(words.length - count).map((word) => escapedText(word as ByteString));
}

/** The bytes that were typed. */
export function bytesOfWord(word: string): ByteString {
  let bytes = "";
  for (const character of word) {
    const unit = character.charCodeAt(0);
    if (character.length === 1 && unit >= 0xdc80 && unit <= 0xdcff) bytes += String.fromCharCode(unit - 0xdc00);
    else bytes += Buffer.from(character, "utf8").toString("latin1");
  }
  return bytes as ByteString;
}

/** The word that stands for these bytes: the other way round. */
export function wordOfBytes(bytes: ByteString): string {
  return isUtf8(bytes) ? textOf(bytes) : escapedText(bytes);
}

function escapedText(bytes: ByteString): string {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const whole = decodeOr(strict, bytes);
  if (whole !== undefined) return whole;
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((size) => decodeOr(strict, bytes.slice(at, at + size) as ByteString) !== undefined);
    if (length === undefined) text += String.fromCharCode(0xdc00 + bytes.charCodeAt(at));
    else text += decodeOr(strict, bytes.slice(at, at + length) as ByteString) ?? "";
    at += length ?? 1;
  }
  return text;
}

function decodeOr(decoder: TextDecoder, bytes: ByteString): string | undefined {
  try {
    return decoder.decode(Buffer.from(bytes, "latin1"));
  } catch {
    return undefined;
  }
}
