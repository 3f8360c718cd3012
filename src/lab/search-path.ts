/** PATH with the folders of system programs (`nft`, `hostname`), which ordinary users often lack. */
export function searchPath(): string {
  return `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
}
