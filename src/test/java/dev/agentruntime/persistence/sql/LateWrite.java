package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.StoreUnderTest;
import dev.agentruntime.persistence.StoredSession;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;

/** The writes of an owner who is losing the session, which has a transcript {@code t} of six bytes. */
enum LateWrite {
  APPEND {
    @Override
    Future<Void> to(PersistenceAdapter store, StoredSession session) {
      return store.saveTranscript(session.record().sessionId(), StoreUnderTest.EPOCH, "t", 6, LATE);
    }
  },
  NEW_TRANSCRIPT {
    @Override
    Future<Void> to(PersistenceAdapter store, StoredSession session) {
      return store.saveTranscript(session.record().sessionId(), StoreUnderTest.EPOCH, "new", 0, LATE);
    }
  },
  REPLACEMENT {
    @Override
    Future<Void> to(PersistenceAdapter store, StoredSession session) {
      return store.replaceTranscript(session.record().sessionId(), StoreUnderTest.EPOCH, "t", LATE);
    }
  },
  FILE {
    @Override
    Future<Void> to(PersistenceAdapter store, StoredSession session) {
      return store.saveWorkspaceFile(session.record().sessionId(), StoreUnderTest.EPOCH, "f", 1, LATE);
    }
  },
  RECORD {
    @Override
    Future<Void> to(PersistenceAdapter store, StoredSession session) {
      return store.updateSessionRecord(session.record(), StoreUnderTest.EPOCH);
    }
  },
  ERASURE {
    @Override
    Future<Void> to(PersistenceAdapter store, StoredSession session) {
      return store.deleteSession(session.record().sessionId(), StoreUnderTest.EPOCH);
    }
  };

  private static final Buffer LATE = Buffer.buffer("late");

  abstract Future<Void> to(PersistenceAdapter store, StoredSession session);
}
