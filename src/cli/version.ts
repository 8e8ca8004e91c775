// What this is, for people and for INFO.

/** Baton's release, as in package.json. */
export const VERSION = '0.1.0';
