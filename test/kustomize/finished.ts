import { type ChildProcess, spawn } from 'node:child_process'
import type { Line } from './job-line.ts'

export interface Finished {
  /** Null when it was killed. */
  readonly code: number | null
  readonly output: string
}

/** A container that ends by itself, with nothing of this process's environment but the PATH. */
export interface Run {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
}

export function runLine({ program, args, environment }: Line): Run {
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // With what it starts it is a group of its own, so that all of it can be killed at once.
    detached: true
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk
    })
  }
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
  return { child, finished }
}

/** As when a node dies. */
export async function killRun({ child, finished }: Run): Promise<Finished> {
  if (child.pid === undefined) throw new Error('It has not started')
  process.kill(-child.pid, 'SIGKILL')
  return finished
}
