// What a client has said about itself that any of its connections must know: who it is, which protocol it reads, which
// database it means, what it is called. A connection to a server has said the same or less; `commandsBetween` says what
// is missing. So one function serves a new connection, one that another client used before, and a new primary.

/** Who somebody is to the server. Secret. One object for each pair, so that identity is equality. */
export interface Login {
  readonly id: number;
  /** null: the default user, by password alone. */
  readonly user: string | null;
  readonly password: string;
}

export interface SignOn {
  /** null: never logged in. */
  readonly login: Login | null;
  readonly protocol: 2 | 3;
  readonly db: number;
  /** CLIENT SETNAME; empty: none. */
  readonly name: string;
  /** CLIENT SETINFO. */
  readonly libraryName: string;
  readonly libraryVersion: string;
}

/** What a connection has that nobody said anything on. */
export const FRESH: SignOn = {
  login: null,
  protocol: 2,
  db: 0,
  name: '',
  libraryName: '',
  libraryVersion: '',
};

/** What decides which clients may share a connection. */
export function shareKey({ login, protocol, db }: SignOn): string {
  return `${login === null ? 0 : login.id}|${protocol}|${db}`;
}

/** A command to bring a connection forward, and whether the server's refusal of it matters. */
export interface SignOnCommand {
  readonly args: readonly string[];
  /** CLIENT SETINFO is unknown to Redis before 7.2, and so on: no harm. */
  readonly isOptional: boolean;
}

/** What must be said on a connection that `has`, so that it is as `wanted`. Names only if `withNames`. */
export function commandsBetween(has: SignOn, wanted: SignOn, withNames: boolean): SignOnCommand[] {
  const commands: SignOnCommand[] = [];
  const say = (isOptional: boolean, ...args: string[]): void => {
    commands.push({ args, isOptional });
  };
  const { login } = wanted;
  const logsIn = login !== null && login !== has.login;
  if (wanted.protocol !== has.protocol) {
    const credentials = logsIn ? ['AUTH', login.user ?? 'default', login.password] : [];
    say(false, 'HELLO', String(wanted.protocol), ...credentials);
  } else if (logsIn) {
    say(false, 'AUTH', ...(login.user === null ? [] : [login.user]), login.password);
  }
  if (wanted.db !== has.db) say(false, 'SELECT', String(wanted.db));
  if (!withNames) return commands;
  if (wanted.name !== has.name) say(true, 'CLIENT', 'SETNAME', wanted.name);
  if (wanted.libraryName !== has.libraryName) say(true, 'CLIENT', 'SETINFO', 'LIB-NAME', wanted.libraryName);
  if (wanted.libraryVersion !== has.libraryVersion) {
    say(true, 'CLIENT', 'SETINFO', 'LIB-VER', wanted.libraryVersion);
  }
  return commands;
}

/** Gives each pair of user and password that a server has accepted its one {@link Login}. */
export class Logins {
  readonly #byText = new Map<string, Login>();

  /** Null if no server has accepted it yet. */
  find(user: string | null, password: string): Login | null {
    return this.#byText.get(keyOf(user, password)) ?? null;
  }

  accepted(user: string | null, password: string): Login {
    const key = keyOf(user, password);
    let login = this.#byText.get(key);
    if (login === undefined) {
      login = { id: this.#byText.size + 1, user, password };
      this.#byText.set(key, login);
    }
    return login;
  }
}

function keyOf(user: string | null, password: string): string {
  return user === null ? `p${password}` : `u${user.length} ${user}${password}`;
}
