/** Control characters, and those that turn the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/**
 * A line in which nothing can rewrite what a terminal shows: profiles choose the names of objects, and a hole
 * is told by such a name. Escaped as in JSON, and so valid within it.
 */
export function printable(line: string): string {
  return line.replaceAll(UNPRINTABLE, (character) => character.split('').map(escaped).join(''))
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
