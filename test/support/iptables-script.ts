import type { IptablesScript, RulesOutline } from "../../src/rules/iptables/index.ts";

/** What a script gives to the programs when tables have this outline: a comment with the program's name before each text. */
export function scriptText({ families }: IptablesScript, there: RulesOutline = new Map(), chains = 1000): string {
  return families
    .flatMap((script) => {
      const program = script.family === "IPv4" ? "iptables" : "ip6tables";
      return [...script.runs(there, { chains })].map((pieces) => {
        const text = [...pieces].join("");
        return text === "" ? "" : `# ${program}-restore\n${text}`;
      });
    })
    .join("");
}
