/** Name of this engine's tables, one in each family. */
export const tableName = "sealane-userspace";
