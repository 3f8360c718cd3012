import { describe, expect, it } from "vitest";
import { explainNamespaceProblem } from "./diagnosis.ts";
import type { NamespaceFacts } from "./diagnosis.ts";
import { unshareArgs } from "./index.ts";

const fine: NamespaceFacts = {
  root: false,
  missingPrograms: [],
  maxUserNamespaces: 1000,
  unprivilegedUsernsClone: undefined,
  apparmorRestriction: undefined,
  failure: undefined,
};
const failed = { ...fine, failure: "unshare failed: Operation not permitted" };

describe("explainNamespaceProblem()", () => {
  const table: readonly (readonly [NamespaceFacts, string])[] = [
    [{ ...fine, missingPrograms: ["unshare", "nft"] }, 'install with "sudo apt-get install nftables util-linux"'],
    [{ ...failed, maxUserNamespaces: 0 }, '"sudo sysctl -w user.max_user_namespaces=10000"'],
    [{ ...failed, unprivilegedUsernsClone: 0 }, '"sudo sysctl -w kernel.unprivileged_userns_clone=1"'],
    [{ ...failed, apparmorRestriction: 1 }, '"sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"'],
    [failed, "Operation not permitted): run sealane with sudo"],
    [{ ...failed, root: true }, "--cap-add SYS_ADMIN"],
  ];
  it.each(table)("explains %j in one line", (facts, expected) => {
    const line = explainNamespaceProblem(facts);
    expect(line).toContain(expected);
    expect(line).not.toContain("\n");
  });

  it("says nothing when all is well", () => expect(explainNamespaceProblem(fine)).toBeUndefined());
});

describe("unshareArgs()", () => {
  it("makes a user namespace for ordinary users only", () => {
    expect(unshareArgs(["x"], false)).toContain("--map-root-user");
    expect(unshareArgs(["x"], true)).not.toContain("--user");
  });
});
