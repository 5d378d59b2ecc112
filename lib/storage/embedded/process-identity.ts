import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process, told apart from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start of the process, in the system's own form; empty where the system does not tell. */
  readonly started: string;
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, started: startOf(process.pid) ?? '' };
}

/** True when that very process still runs. One that was killed and not yet reaped (a zombie) does not. */
export function isAlive({ pid, started }: ProcessIdentity): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isNumberInUse(pid)) return false;
  const now = startOf(pid);
  return now !== undefined && (started === '' || now === '' || now === started);
}

/** Its command line; empty for a zombie, undefined where the system does not say. */
export function commandLine(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return askPs(pid, 'args=');
  }
}

/** True when any process, a zombie included, has that number. */
export function isNumberInUse(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** undefined for a zombie or a process that is gone. */
function startOf(pid: number): string | undefined {
  try {
    // Fields after the parenthesised name, which may hold spaces: state is the 3rd of the line, start time the 22nd.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : (fields[19] ?? '');
  } catch {
    if (process.platform === 'linux') return isNumberInUse(pid) ? '' : undefined;
    return askPs(pid, 'lstart=') ?? '';
  }
}

function askPs(pid: number, format: string): string | undefined {
  if (process.platform === 'win32') return undefined;
  const answer = spawnSync('ps', ['-p', String(pid), '-o', format], { encoding: 'utf8' });
  return answer.status === 0 ? answer.stdout.trim() : undefined;
}
