import { hash } from 'node:crypto'

/** What the answer to a profile at rest stands on, beside what was asked. */
export interface Rest {
  readonly user: string
  readonly accessKeyId: string
  readonly secretUid: string | undefined
  /** When the next change is planned, in seconds since 1970; undefined when none is. */
  readonly dueAt: number | undefined
}

/** An answer to a profile at rest, in JSON, without its resync. */
export interface AnswerAtRest extends Rest {
  readonly text: string
}

/** A call, to the byte. */
export function questionOf(body: Buffer): string {
  return hash('sha256', body, 'base64')
}

/** The last answer to each profile at rest, by what was asked. */
export class Answers {
  readonly #byQuestion = new Map<string, AnswerAtRest>()
  readonly #questions = new Map<string, string>()

  keep(question: string, answer: AnswerAtRest): void {
    this.forget(answer.user)
    this.#byQuestion.set(question, answer)
    this.#questions.set(answer.user, question)
  }

  to(question: string): AnswerAtRest | undefined {
    return this.#byQuestion.get(question)
  }

  /** From the oldest on. */
  dropWhile(isOver: (answer: AnswerAtRest) => boolean): void {
    for (const answer of this.#byQuestion.values()) {
      if (!isOver(answer)) return
      this.forget(answer.user)
    }
  }

  forget(user: string): void {
    this.#byQuestion.delete(this.#questions.get(user) ?? '')
    this.#questions.delete(user)
  }
}
