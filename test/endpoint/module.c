/*
 * A module for tests: commands that no relay can know. It has no headers but its own few declarations of the modules' API,
 * which Redis and Valkey share, so that a compiler is all that it takes.
 */
typedef struct Context Context;
typedef struct Text Text;
typedef struct Reply Reply;
typedef int (*Command)(Context *, Text **, int);

static int (*setModuleAttribs)(Context *, const char *, int, int);
static int (*createCommand)(Context *, const char *, Command, const char *, int, int, int);
static Reply *(*call)(Context *, const char *, const char *, ...);
static int (*replyWithCallReply)(Context *, Reply *);
static int (*replyWithSimpleString)(Context *, const char *);
static int (*stringToLongLong)(const Text *, long long *);
static void *(*blockClient)(Context *, Command, Command, void (*)(Context *, void *), long long);

/* MOD.GET key */
static int get(Context *context, Text **words, int count) {
  (void)count;
  return replyWithCallReply(context, call(context, "GET", "s", words[1]));
}

/* MOD.PUT key value, to the replicas, too */
static int put(Context *context, Text **words, int count) {
  (void)count;
  return replyWithCallReply(context, call(context, "SET", "ss!", words[1], words[2]));
}

static int waited(Context *context, Text **words, int count) {
  (void)words;
  (void)count;
  return replyWithSimpleString(context, "waited");
}

/* MOD.WAIT milliseconds */
static int waitFor(Context *context, Text **words, int count) {
  long long milliseconds = 0;
  (void)count;
  stringToLongLong(words[1], &milliseconds);
  blockClient(context, waited, waited, 0, milliseconds);
  return 0;
}

/* MOD.NOTE text: as if it left something on the connection. */
static int note(Context *context, Text **words, int count) {
  (void)words;
  (void)count;
  return replyWithSimpleString(context, "noted");
}

int RedisModule_OnLoad(Context *context, Text **words, int count) {
  int (*api)(const char *, void *) = *(int (**)(const char *, void *))context;
  (void)words;
  (void)count;
  api("RedisModule_SetModuleAttribs", &setModuleAttribs);
  api("RedisModule_CreateCommand", &createCommand);
  api("RedisModule_Call", &call);
  api("RedisModule_ReplyWithCallReply", &replyWithCallReply);
  api("RedisModule_ReplyWithSimpleString", &replyWithSimpleString);
  api("RedisModule_StringToLongLong", &stringToLongLong);
  api("RedisModule_BlockClient", &blockClient);
  setModuleAttribs(context, "mod", 1, 1);
  createCommand(context, "mod.get", get, "readonly", 1, 1, 1);
  createCommand(context, "mod.put", put, "write", 1, 1, 1);
  createCommand(context, "mod.wait", waitFor, "blocking", 0, 0, 0);
  createCommand(context, "mod.note", note, "admin", 0, 0, 0);
  return 0;
}
