import { describe, expect, it } from "vitest";
import { decodeNftError } from "./nft-error.ts";

const long = `add element ip t s { ${"10.0.0.1, ".repeat(100)}nonsense }`;

const rows: readonly (readonly [stderr: string, code: string, message: string])[] = [
  [
    "/dev/stdin:2:20-25: Error: No such file or directory\nadd element ip t nosuch { 10.0.0.9 }\n                   ^^^^^^\n",
    "ENOENT",
    "nft: No such file or directory, in: add element ip t nosuch { 10.0.0.9 }",
  ],
  [
    "Error: Could not process rule: File exists\nadd element ip t s { 10.0.0.9 }\n^^^",
    "EEXIST",
    "nft: Could not process rule: File exists, in: add element ip t s { 10.0.0.9 }",
  ],
  [
    "Error: Could not process rule: Operation not permitted\n",
    "EPERM",
    "nft: Could not process rule: Operation not permitted",
  ],
  [
    "internal:0:0-0: Error: conflicting protocols specified: ip vs. th\n",
    "NftRefused",
    "nft: conflicting protocols specified: ip vs. th",
  ],
  ["Segmentation fault", "NftRefused", "nft: Segmentation fault"],
  ["", "NftRefused", "nft: no reason given"],
  [
    `Error: syntax error\n${long}\n${" ".repeat(long.indexOf("nonsense"))}^^^`,
    "NftRefused",
    "nft: syntax error, in: nonsense }",
  ],
];

describe("decodeNftError()", () => {
  it.each(rows)("decodes %j", (stderr, code, message) =>
    expect(decodeNftError(stderr)).toMatchObject({ code, message }),
  );
});
