// `sealane bench proxy` once more, in the namespaces that proxy.ts has made for it.
import { run } from "../proxy.ts";

process.exit(await run(process.argv.slice(2)));
