import { checked, libc } from "./libc.ts";

const bindFlag = 0x1000;
const detachFlag = 2;

/** Mounts a new file system of this type (`tmpfs`, `proc`) on `target`. `data` is the option text, e.g. `mode=755`. */
export function mountFileSystem(type: string, target: string, data?: string): void {
  checked(`mount -t ${type} ${target}`, libc().mount(type, target, type, 0, data ?? null));
}

/** Makes `source` appear at `target` as well; both must exist. */
export function bindMount(source: string, target: string): void {
  checked(`mount --bind ${source} ${target}`, libc().mount(source, target, null, bindFlag, null));
}

/** Takes the topmost mount off `target`, at once for new users and lazily for those who still use it. */
export function unmount(target: string): void {
  checked(`umount ${target}`, libc().umount2(target, detachFlag));
}
