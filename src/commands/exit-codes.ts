/** Of every command but `serve`: nothing was found, something was found, it could not be done. */
export const CLEAN = 0
export const FOUND = 1
export const FAILED = 2
