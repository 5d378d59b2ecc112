import { readFileSync, readlinkSync } from 'node:fs';

/** Identity of a process, by which a neighbour on the same machine knows for certain that it is gone. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Names the set of process ids that `pid` is one of: this boot of the machine, this PID namespace. */
  readonly processKey: string | null;
  /** Start of the process in the system's own count, which differs from that of a later one with the same number. */
  readonly processStart: string | null;
}

/** Null fields where the system does not tell (anything but Linux). */
export function thisProcess(): ProcessIdentity {
  const { pid } = process;
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { pid, processKey: `${boot} ${readlinkSync('/proc/self/ns/pid')}`, processStart: startOf(pid) };
  } catch {
    return { pid, processKey: null, processStart: null };
  }
}

/** True only when it is certain: the same process ids are seen from here, and that process is not among them. */
export function isGone(other: ProcessIdentity, self: ProcessIdentity): boolean {
  if (other.processKey === null || other.processKey !== self.processKey || other.processStart === null) return false;
  try {
    return startOf(other.pid) !== other.processStart;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
  }
}

/** Field 22 of /proc/PID/stat. The name before it may hold spaces and brackets: count from the last bracket. */
function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie has ended, whatever its parent makes of it.
  return fields[0] === 'Z' ? 'ended' : (fields[19] ?? '');
}
