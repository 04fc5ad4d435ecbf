/**
 * A process of its own, for systems without `setpriv`: ends a server when the process that started it is gone.
 * Arguments: process id of the server, signal that asks it to end, milliseconds until SIGKILL.
 * Its standard input is a pipe that only the parent holds open, so its end is the parent's end.
 */
const [pidText = '', stopSignal = 'SIGTERM', deadlineText = '0'] = process.argv.slice(2);
const pid = Number(pidText);
const POLL_MS = 100;

function isAlive(): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error: unknown) {
    // EPERM: it lives, as another user. Anything else (ESRCH): it is gone.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function send(signal: NodeJS.Signals): void {
  if (isAlive()) process.kill(pid, signal);
}

process.stdin.resume().once('end', () => {
  send(stopSignal as NodeJS.Signals);
  const deadline = Date.now() + Number(deadlineText);
  const poll = setInterval(() => {
    if (!isAlive()) {
      clearInterval(poll);
    } else if (Date.now() > deadline) {
      send('SIGKILL');
      clearInterval(poll);
    }
  }, POLL_MS);
});
process.stdout.write('watching\n');
