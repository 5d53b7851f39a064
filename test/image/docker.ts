import { execFile } from 'node:child_process'

export interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the docker command line; how it ended is part of the answer. */
export function tryDocker(...line: string[]): Promise<Answer> {
  return run('docker', line)
}

/** @throws Error with the end of what docker wrote to stderr */
export async function docker(...line: string[]): Promise<string> {
  return outputOf('docker', ...line)
}

/** @throws Error with the end of what the program wrote to stderr */
export async function outputOf(program: string, ...line: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, line)
  if (code === 0) return stdout.trim()
  throw new Error(`${program} ${line[0]} ended with ${code}: ${`${stdout}${stderr}`.slice(-2000)}`)
}

function run(program: string, line: string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    execFile(program, line, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({ code: Number(error?.code ?? 0), stdout, stderr })
    })
  })
}
