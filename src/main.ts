// The bundle's entry. Commands live in cli/, one file each.

process.exitCode = 2;
