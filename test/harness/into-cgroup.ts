// Programs that are to live in a cgroup go there before their first instruction.

/** Words in front of a command, which then runs in the cgroup of this folder. */
export const intoCgroup = (folder: string): string[] => [
  'sh',
  '-c',
  'echo $$ > "$0/cgroup.procs"; exec "$@"',
  folder,
];
