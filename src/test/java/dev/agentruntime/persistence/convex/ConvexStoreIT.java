package dev.agentruntime.persistence.convex;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.SessionPage;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StoreUnderTest;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.persistence.convex.ConvexBridge.Usage;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.api.parallel.ResourceAccessMode;
import org.junit.jupiter.api.parallel.ResourceLock;

/** What is Convex's own: who may call, what a transaction may hold, what is done later, and answers that get lost. */
@Execution(ExecutionMode.CONCURRENT)
@ResourceLock(value = ConvexBridge.PROCESS, mode = ResourceAccessMode.READ)
class ConvexStoreIT implements StoreUnderTest {

  private static final Vertx VERTX = Vertx.vertx();
  private static final Path FUNCTIONS = Path.of("conf/convex/functions");
  private static final int MIB = 1024 * 1024;

  private ConvexBridge.Deployment deployment;
  private ConvexPersistence store;

  @BeforeEach
  void open() {
    deployment = ConvexBridge.deploy();
    store = new ConvexPersistence(VERTX, deployment.url(), deployment.key(), ConvexBridge.TIMEOUT_MS);
    await(store.start());
  }

  @AfterEach
  void close() {
    await(store.close());
    deployment.close();
  }

  @AfterAll
  static void closeVertx() {
    VERTX.close().toCompletionStage().toCompletableFuture().join();
  }

  @Override
  public PersistenceAdapter store() {
    return store;
  }

  private PersistenceException refusesToStart(URI url, String key) {
    PersistenceAdapter other = new ConvexPersistence(VERTX, url, key, ConvexBridge.TIMEOUT_MS);
    PersistenceException refused = refused(Kind.UNAVAILABLE, other.start());
    await(other.close());
    return refused;
  }

  @Test
  void theFunctionsAndTheirTypesFit() throws IOException {
    ConvexBridge.run(List.of("node", ConvexBridge.packages().resolve("typescript/bin/tsc").toString(), "--project", FUNCTIONS.toString(),
        "--baseUrl", ConvexBridge.packages().toString()));
  }

  @Test
  void theVersionIsThatOfTheFunctions() throws IOException {
    assertThat(Files.readString(FUNCTIONS.resolve("store.ts"))).contains("VERSION = " + ConvexPersistence.VERSION + ";");
  }

  @Test
  void saysThatTheFunctionsAreMissingOrOfAnotherVersion() {
    deployment.deploy(null);
    assertThat(refusesToStart(deployment.url(), deployment.key())).hasMessageContaining("deploy conf/convex");
    deployment.deploy(99);
    assertThat(refusesToStart(deployment.url(), deployment.key())).hasMessageContaining("version 99").hasMessageContaining("conf/convex");
  }

  @Test
  void aWrongKeyIsRefusedAndNotShown() {
    assertThat(refusesToStart(deployment.url(), "prod:x|hush")).hasMessage("Convex does not accept the deploy key");
  }

  @Test
  void nobodyFindsAFunctionWithoutTheKey() throws Exception {
    Pattern function = Pattern.compile("export const (\\w+) = internal(Query|Mutation)\\(");
    int found = 0;
    try (Stream<Path> files = Files.list(FUNCTIONS)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".ts")).toList()) {
        String module = file.getFileName().toString().replace(".ts", "");
        Matcher functions = function.matcher(Files.readString(file));
        for (; functions.find(); found++) {
          ObjectNode request = Json.object().put("path", module + ":" + functions.group(1)).put("format", "convex_encoded_json");
          request.putArray("args").addObject();
          HttpResponse<String> answer = HttpClient.newHttpClient().send(
              HttpRequest.newBuilder(deployment.url().resolve("/api/" + functions.group(2).toLowerCase()))
                  .POST(HttpRequest.BodyPublishers.ofString(request.toString())).build(), HttpResponse.BodyHandlers.ofString());
          assertThat(answer.body()).as(request.toString()).contains("Could not find public function");
        }
      }
    }
    assertThat(found).isGreaterThan(15);
  }

  /** Every write is made again after Convex gave up on a conflict; after its answer was lost its owner is told, and can make it again. */
  @Test
  void writesAreRepeatedUntilTheyAreThere() {
    Buffer large = randomBytes(5 * MIB, 1);
    String id = "troubled";
    StoredProfile profile = new StoredProfile("p", "v1", json("{\"name\":\"P\"}"));
    List<Supplier<Future<Void>>> notOrdered = List.of(() -> store.saveAgentProfile(profile, null));
    List<Supplier<Future<Void>>> writes = List.of(
        () -> store.createSessionRecord(record(id), EPOCH),
        () -> store.saveTranscript(id, EPOCH, "t", 0, bytes("abc")),
        () -> store.saveTranscript(id, EPOCH, "t", 3, bytes("def")),
        () -> store.saveTranscript(id, EPOCH, "large", 0, large),
        () -> store.replaceTranscript(id, EPOCH, "r", bytes("old")),
        () -> store.replaceTranscript(id, EPOCH, "r", bytes("new")),
        () -> store.saveWorkspaceFile(id, EPOCH, "f", 5, bytes("small")),
        () -> store.saveWorkspaceFile(id, EPOCH, "f", 6, large),
        () -> store.saveWorkspaceFile(id, EPOCH, "g", 6, bytes("gone")),
        () -> store.deleteSessionFile(id, EPOCH, "g"),
        () -> store.updateSessionRecord(record(id, 7), EPOCH));
    for (Supplier<Future<Void>> write : notOrdered) {
      deployment.refuse(1, 503, "OptimisticConcurrencyControlFailure");
      deployment.loseAnswer(0);
      deployment.refuse(1, 429, "RateLimited");
      await(write.get());
    }
    for (Supplier<Future<Void>> write : writes) {
      deployment.refuse(1, 503, "OptimisticConcurrencyControlFailure");
      deployment.refuse(1, 429, "RateLimited");
      deployment.loseAnswer(0);
      refused(Kind.UNAVAILABLE, write.get());
      await(write.get());
    }

    StoredSession loaded = await(store.loadSession(id, "epoch-2")).orElseThrow();
    assertThat(loaded.record()).isEqualTo(record(id, 7));
    assertThat(loaded.transcripts()).containsExactlyInAnyOrder(new StoredSession.Transcript("t", 6),
        new StoredSession.Transcript("large", large.length()), new StoredSession.Transcript("r", 3));
    assertThat(loaded.files()).containsExactly(new StoredSession.StoredFile("f", large.length(), 6));
    assertThat(transcript(id, "t") + transcript(id, "r")).isEqualTo("abcdefnew");
    assertBytes(await(store.readTranscript(id, "large", 0, Integer.MAX_VALUE)), large);
    assertBytes(await(store.readWorkspaceFile(id, "f", 0, Integer.MAX_VALUE)), large);
    assertThat(await(store.listAgentProfiles())).containsExactly(profile);
    deployment.loseAnswer(0);
    await(store.deleteSession(id, "epoch-2"));
    deployment.settle();
    assertThat(deployment.documents("contents") + deployment.documents("chunks")).as("but the profile's").isEqualTo(1);
  }

  @Test
  void anAnswerThatIsLostInTheMiddleOfSomethingLargeIsMadeUpFor() {
    String id = create();
    int parts = 3;
    Buffer large = randomBytes(5 * MIB, 2);
    for (int call = 0; call < parts; call++) {
      deployment.loseAnswer(call);
      if (call == 0) {
        refused(Kind.UNAVAILABLE, store.saveWorkspaceFile(id, EPOCH, "f", call, large));
      }
      await(store.saveWorkspaceFile(id, EPOCH, "f", call, large));
      assertBytes(await(store.readWorkspaceFile(id, "f", 0, Integer.MAX_VALUE)), large);
      deployment.loseAnswer(call);
      refused(Kind.UNAVAILABLE, store.saveTranscript(id, EPOCH, "t" + call, 0, large));
      await(store.saveTranscript(id, EPOCH, "t" + call, 0, large));
      assertBytes(await(store.readTranscript(id, "t" + call, 0, Integer.MAX_VALUE)), large);
    }
  }

  @Test
  void aCreationThatComesAfterItsErasureIsRefused() {
    await(store.deleteSession("late", EPOCH));
    await(store.deleteSession("late", EPOCH));
    refused(Kind.NOT_FOUND, store.createSessionRecord(record("late"), EPOCH));
    assertThat(await(store.findSession("late"))).isEmpty();
    assertThat(deployment.documents("erasures")).isEqualTo(1);
    await(store.createSessionRecord(record("late"), "epoch-2"));
  }

  @Test
  void aLoadThatIsDoneLateDoesNotTakeTheSessionFromWhoLoadedItSince() {
    String id = create();
    deployment.delay(1);
    deployment.refuse(ConvexClient.MOST_ATTEMPTS - 1, 503, "ServiceUnavailable");
    refused(Kind.UNAVAILABLE, store.loadSession(id, "given up"));
    await(store.loadSession(id, "epoch-2"));
    deployment.doLate();
    await(store.updateSessionRecord(record(id, 7), "epoch-2"));
    assertThat(await(store.findSession(id))).contains(record(id, 7));
  }

  @Test
  void anOutageIsForTheCallerToSitOut() {
    Usage before = deployment.usage();
    deployment.refuse(100, 503, "ServiceUnavailable");
    assertThat(refused(Kind.UNAVAILABLE, store.ping())).hasMessageContaining("503");
    assertThat(deployment.usage().since(before).calls()).isEqualTo(ConvexClient.MOST_ATTEMPTS);
  }

  @Test
  void savingCostsWhatWasAdded() {
    String id = create();
    await(store.saveTranscript(id, EPOCH, "t", 0, randomBytes(3 * MIB, 3)));
    Usage before = deployment.usage();
    int appends = 128;
    for (int i = 0; i < appends; i++) {
      await(store.saveTranscript(id, EPOCH, "t", 3 * MIB + i * 1024L, randomBytes(1024, i)));
    }
    Usage cost = deployment.usage().since(before);
    assertThat(cost.calls()).isEqualTo(appends);
    assertThat(cost.bytesWritten()).as("the bytes, twice since they are merged, and two small documents' fields")
        .isBetween(2 * 1024L * appends, 2 * 1400L * appends);
    assertThat(cost.documentsRead()).as("the session and the transcript, and what is merged").isEqualTo(2 * appends + appends);
    assertThat(deployment.documents("chunks")).as("of the 3 MiB and of two mergers").isEqualTo(8);
  }

  @Test
  void loadingReadsNoContentsAndAPageNoOtherSessions() {
    for (int i = 0; i < 30; i++) {
      await(store.createSessionRecord(record("s" + i, i), EPOCH));
    }
    append("s1", "t", 0, "abc");
    await(store.saveWorkspaceFile("s1", EPOCH, "f", 1, bytes("abc")));

    Usage before = deployment.usage();
    load("s1");
    assertThat(deployment.usage().since(before).documentsRead()).as("the session twice, two contents").isEqualTo(4);
    before = deployment.usage();
    String next = await(store.listAllSessions(5, null)).next();
    assertThat(deployment.usage().since(before)).isEqualTo(new Usage(1, 6, 0, 0));
    before = deployment.usage();
    assertThat(await(store.listAllSessions(5, next)).sessions()).extracting(SessionRecord::sessionId)
        .containsExactly("s24", "s23", "s22", "s21", "s20");
    assertThat(deployment.usage().since(before)).isEqualTo(new Usage(1, 6, 0, 0));
    before = deployment.usage();
    assertThat(await(store.listRecoverableSessions(5, null)).sessions()).isEmpty();
    assertThat(deployment.usage().since(before)).isEqualTo(new Usage(1, 0, 0, 0));
  }

  @Test
  void moreThanAnAnswerHoldsComesInSeveral() {
    String id = create();
    List<ObjectNode> files = new ArrayList<>();
    String session = deployment.insert("sessions", List.of(sessionDocument("many", 1))).getFirst();
    for (int i = 0; i < 2_500; i++) {
      files.add(fileDocument(session, "f" + i));
    }
    deployment.insert("contents", files);
    await(store.loadSession("many", EPOCH));
    append("many", "t", 0, "x");
    StoredSession many = load("many");
    assertThat(many.files()).extracting(StoredSession.StoredFile::path).doesNotHaveDuplicates().hasSize(2_500);
    assertThat(many.transcripts()).containsExactly(new StoredSession.Transcript("t", 1));
    assertThat(await(store.inspectSession("many"))).contains(many);

    List<ObjectNode> sessions = new ArrayList<>();
    for (int i = 0; i < 1_500; i++) {
      sessions.add(sessionDocument("s" + i, i));
    }
    deployment.insert("sessions", sessions);
    SessionPage page = await(store.listAllSessions(1_400, null));
    assertThat(page.sessions()).hasSize(1_400);
    assertThat(page.sessions().getFirst().sessionId()).isEqualTo(id);
    SessionPage rest = await(store.listAllSessions(Integer.MAX_VALUE, page.next()));
    assertThat(rest.sessions()).hasSize(102);
    assertThat(rest.next()).isNull();
  }

  private static ObjectNode sessionDocument(String id, long createdAt) {
    ObjectNode document = Json.object().put("sessionId", id).put("owner", "nobody").put("type", "t").put("profile", "p").putNull("name")
        .put("facts", "{\"sessionOptions\":{},\"metadata\":null,\"recovery\":null}").put("recoverable", false);
    document.set("createdAt", ConvexValues.integer(createdAt));
    document.set("lastActivity", ConvexValues.integer(createdAt));
    return document;
  }

  private static ObjectNode fileDocument(String session, String path) {
    ObjectNode document = Json.object().put("session", session).put("kind", "file").put("name", path).put("length", 0).put("loose", 0)
        .put("looseFrom", 0);
    document.set("modifiedAt", ConvexValues.integer(0));
    return document;
  }

  @Test
  void recordsLargerThanADocumentAreKept() {
    List<SessionRecord> large = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      large.add(new SessionRecord("large" + i, "t", "p", null, i, i, Json.object(), Json.object().put("notes", "\u4e2d".repeat(800_000)),
          null));
      await(store.createSessionRecord(large.get(i), EPOCH));
      await(store.createSessionRecord(large.get(i), EPOCH));
    }
    assertThat(await(store.listAllSessions(10, null)).sessions()).isEqualTo(large.reversed());
    assertThat(load("large1").record()).isEqualTo(large.get(1));

    await(store.updateSessionRecord(record("large1", 1), EPOCH));
    assertThat(await(store.findSession("large1"))).contains(record("large1", 1));
    await(store.updateSessionRecord(large.get(1), EPOCH));
    await(store.updateSessionRecord(large.get(1), EPOCH));
    assertThat(await(store.findSession("large1"))).contains(large.get(1));
    large.forEach(record -> await(store.deleteSession(record.sessionId(), EPOCH)));
    deployment.settle();
    assertThat(deployment.documents("chunks")).isZero();
  }

  @Test
  void saysWhatIsTooLargeForIt() {
    ObjectNode tooLarge = Json.object().put("text", "x".repeat(6 * MIB));
    refused(Kind.INVALID, store.createSessionRecord(new SessionRecord("s", "t", "p", null, 1, 1, tooLarge, null, null), EPOCH));
    refused(Kind.INVALID, store.saveAgentProfile(new StoredProfile("p", "v1", tooLarge), null));
    ObjectNode fits = Json.object().put("text", "x".repeat(6 * MIB - 100));
    await(store.createSessionRecord(new SessionRecord("s", "t", "p", null, 1, 1, fits, null, null), EPOCH));
    await(store.saveAgentProfile(new StoredProfile("p", "v1", fits), null));
    await(store.saveAgentProfile(new StoredProfile("p", "v2", fits), "v1"));
    assertThat(await(store.listAgentProfiles())).containsExactly(new StoredProfile("p", "v2", fits));
  }

  @Test
  void anyJsonIsKept() {
    ObjectNode metadata = json("{\"$bytes\":\"x\",\"$set\":[],\"_id\":1,\"\":2,"
        + "\"\u043a\u043b\u044e\u0447\":{\"a.b\":[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]}}");
    SessionRecord record = new SessionRecord("s", "t", "p", "\u0000\ufeff", 1, 1, metadata, metadata, metadata);
    await(store.createSessionRecord(record, EPOCH));
    assertThat(await(store.findSession("s"))).contains(record);
  }

  @Test
  void whatIsLargeIsErasedByTheDeploymentItself() {
    String kept = create();
    append(kept, "t", 0, "kept");
    String id = create();
    Buffer large = randomBytes(5 * MIB, 4);
    await(store.saveWorkspaceFile(id, EPOCH, "f", 1, large));
    await(store.saveTranscript(id, EPOCH, "t", 0, large));
    await(store.saveTranscript(id, EPOCH, "u", 0, large));
    await(store.saveWorkspaceFile(id, EPOCH, "f", 1, bytes("small")));
    assertThat(load(id).files()).containsExactly(new StoredSession.StoredFile("f", 5, 1));
    deployment.settle();
    assertThat(deployment.documents("chunks")).as("of the large file nothing").isEqualTo(10 + 10 + 1 + 1);

    await(store.deleteSession(id, EPOCH));
    await(store.createSessionRecord(record(id), EPOCH));
    append(id, "t", 0, "new");
    deployment.settle();
    assertThat(transcript(id, "t") + transcript(kept, "t")).isEqualTo("newkept");
    assertThat(deployment.documents("chunks")).isEqualTo(2);
    assertThat(deployment.documents("contents")).isEqualTo(2);
  }

  @Test
  void theNextOwnerDoesAwayWithWhatWasLeftHalfDone() {
    String id = create();
    ConvexClient client = new ConvexClient(VERTX, deployment.url(), deployment.key(), ConvexBridge.TIMEOUT_MS);
    for (String name : List.of("one", "two")) {
      ObjectNode part = Json.object().put("sessionId", id).put("epoch", EPOCH).put("kind", "file").put("name", name).putNull("staged")
          .put("last", false);
      part.set("modifiedAt", ConvexValues.integer(1));
      part.set("offset", ConvexValues.integer(0));
      part.set("bytes", ConvexValues.bytes(new byte[2 * MIB]));
      await(client.mutation("contents:put", part));
      await(client.mutation("contents:put", part));
    }
    assertThat(await(store.inspectSession(id)).orElseThrow().files()).isEmpty();
    assertThat(deployment.documents("chunks")).isEqualTo(8);

    await(store.loadSession(id, "epoch-2"));
    deployment.settle();
    assertThat(deployment.documents("chunks") + deployment.documents("contents")).isZero();
    await(client.close());
  }
}
