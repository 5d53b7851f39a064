import { readdirSync, readFileSync } from 'node:fs'

/** What some processes have used since they began, as Linux counts it. */
export interface Usage {
  readonly cpuMs: number
  readonly residentMb: number
  readonly openFiles: number
}

/** Linux counts CPU in hundredths of a second, whatever its own clock. */
const MS_PER_TICK = 10

export function usageOf(pids: readonly number[]): Usage {
  const all = pids.map((pid) => ({
    cpuMs: cpuMsOf(pid),
    residentMb: residentMbOf(pid),
    openFiles: readdirSync(`/proc/${pid}/fd`).length
  }))
  const sum = (figure: keyof Usage) => all.reduce((total, usage) => total + usage[figure], 0)
  return { cpuMs: sum('cpuMs'), residentMb: sum('residentMb'), openFiles: sum('openFiles') }
}

/** CPU milliseconds that the processes used while the work was done. */
export async function cpuMsDuring(pids: readonly number[], work: () => Promise<unknown>) {
  const before = usageOf(pids).cpuMs
  await work()
  return usageOf(pids).cpuMs - before
}

/** Processor time of this machine that was used, and that a hypervisor gave to others meanwhile. */
export interface MachineTime {
  readonly used: number
  readonly withheld: number
}

export function machineTime(): MachineTime {
  const [, ...fields] = (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '').split(/\s+/)
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields.map(Number)
  return { used: user + nice + system + irq + softirq, withheld: steal }
}

/** Of what was wanted since then, the share that was withheld: 0 where nothing is shared with others. */
export function withheldSince(before: MachineTime): number {
  const now = machineTime()
  const withheld = now.withheld - before.withheld
  return withheld / (withheld + now.used - before.used || 1)
}

/** Children of this process that run a program of that name. */
export function childrenNamed(program: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const stat = statOf(pid)
      return stat?.program === program && Number(stat.fields[1]) === process.pid
    })
}

function cpuMsOf(pid: number): number {
  const { fields = [] } = statOf(pid) ?? {}
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
}

function residentMbOf(pid: number): number {
  const [, kilobytes] =
    /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

/** The program's name may hold anything, so the fields are counted from behind it: state, parent, … */
function statOf(pid: number): { program: string; fields: string[] } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const end = stat.lastIndexOf(')')
    return {
      program: stat.slice(stat.indexOf('(') + 1, end),
      fields: stat.slice(end + 2).split(' ')
    }
  } catch {
    // It has ended meanwhile.
    return undefined
  }
}
