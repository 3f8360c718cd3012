import { CodedError } from "../core/index.ts";
import { objectKey } from "../objects/index.ts";
import type { KubeObject } from "../objects/index.ts";
import type { PersistedBatch, Persistence, StoredObject } from "../store/index.ts";
import { cannotOpen, prepareStateDirectory } from "./state-directory.ts";

/** The version of the layout on disk. */
const layout = 1;
const metaKey = "!meta";

interface Meta {
  readonly layout: number;
  readonly version: number;
}

/**
 * Keeps objects in an LMDB environment in `directory` (made with mode 0700). Batches survive kill -9 of the process as
 * soon as `commit` resolves. Rejects with `CodedError` code `CannotOpenState`.
 */
export async function openLmdb(directory: string): Promise<Persistence> {
  const path = prepareStateDirectory(directory);
  const { open } = await import("lmdb");
  try {
    // Keys are `table key`: no name holds a blank. JSON keeps the files readable by any LMDB tool.
    const database = open<KubeObject | Meta, string>({ path, encoding: "json" });
    return {
      load: async () => {
        const meta = database.get(metaKey) as Meta | undefined;
        if (meta !== undefined && meta.layout !== layout) {
          const message = `${directory} was written by another version of Sealane (layout ${meta.layout}, expected ${layout})`;
          throw new CodedError("CannotOpenState", `${message}: use another directory`);
        }
        const objects: StoredObject[] = [];
        for (const { key, value } of database.getRange()) {
          if (key !== metaKey) objects.push({ table: key.slice(0, key.indexOf(" ")), object: value as KubeObject });
        }
        return { version: meta?.version ?? 0, objects };
      },
      commit: async ({ version, puts, deletes }: PersistedBatch) => {
        await database.batch(() => {
          for (const { table, object } of puts) void database.put(`${table} ${objectKey(object)}`, object);
          for (const { table, key } of deletes) void database.remove(`${table} ${key}`);
          void database.put(metaKey, { layout, version });
        });
      },
      close: () => database.close(),
    };
  } catch (error) {
    throw cannotOpen(directory, error);
  }
}
