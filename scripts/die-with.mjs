import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Kills this process when npm, which started it, is gone. npm passes signals on, but cannot when it is itself killed
 * with -9; what it started would then stay and hold its port against the next start. npm stands one or two processes
 * up: some shells stay in between, others give their place to the command.
 */
export function dieWithNpm() {
  const parent = process.ppid;
  const grandparent = parentOf(parent);
  const timer = setInterval(() => {
    if (process.ppid !== parent || !runs(grandparent)) process.kill(process.pid, 'SIGKILL');
  }, 200);
  timer.unref();
}

function parentOf(pid) {
  const answer = spawnSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' });
  // Without ps the parent alone has to do.
  return answer.status === 0 ? Number(answer.stdout) : process.pid;
}

function runs(pid) {
  // In a container npm's parent may be no process of ours, or process 1.
  if (pid <= 1) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  try {
    // Killed, but not yet waited for by its own parent.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}
