package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.ClientMessage;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.SessionEvent;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** The words of {@code asyncapi.json} and {@code openapi.json} against the records of the protocol, both ways. */
class AsyncApiTest {

  private static final ApiDocuments DOCUMENTS = new ApiDocuments();
  private static final JsonNode SCHEMAS = DOCUMENTS.asyncApi.at("/components/schemas");

  /** Frames that are answers, and have no record. */
  private static final Set<String> ANSWERS = Set.of("authenticated", "session:joined", "session:left", "session:accepted",
      "sessions:watching", "pong", "error");

  /** Where OpenAPI has an object, AsyncAPI has a string, and its parser refuses the whole document. */
  @Test
  void theSchemasAreThoseOfBothLanguages() {
    assertThat(DOCUMENTS.openApi.findParents("discriminator")).isEmpty();
  }

  @Test
  void everyEventIsDescribedAsItsRecordIs() {
    var described = new TreeMap<String, Set<String>>();
    SCHEMAS.forEach(schema -> {
      if (schema.at("/properties").has("seq") && schema.at("/properties/event").has("const")) {
        described.put(schema.at("/properties/event/const").asText(), dataFields(schema));
      }
    });
    assertThat(described).isEqualTo(records(leaves(SessionEvent.class)));
  }

  @Test
  void everyLifecycleEventIsDescribedAsItsRecordIs() {
    var described = new TreeMap<String, Set<String>>();
    SCHEMAS.forEach(schema -> {
      String event = schema.at("/properties/event/const").asText();
      if (!event.isEmpty() && !schema.path("properties").has("seq") && !ANSWERS.contains(event)) {
        described.put(event, dataFields(schema));
      }
    });
    assertThat(described).isEqualTo(records(leaves(LifecycleEvent.class)));
  }

  @Test
  void everyClientMessageIsDescribedAsItsRecordIs() {
    var described = new TreeMap<String, Set<String>>();
    SCHEMAS.forEach(schema -> {
      String type = schema.at("/properties/type/const").asText();
      if (!type.isEmpty()) {
        Set<String> fields = names(schema.path("properties"));
        fields.remove("type");
        described.put(type, fields);
      }
    });
    var records = new TreeMap<String, Set<String>>();
    leaves(ClientMessage.class).forEach(type -> records.put(type.getAnnotation(JsonTypeName.class).value(), components(type)));
    assertThat(described).isEqualTo(records);
  }

  @Test
  void theErrorCodesAreThose() {
    assertThat(StreamSupport.stream(DOCUMENTS.openApi.at("/components/schemas/ErrorCode/enum").spliterator(), false).map(JsonNode::asText))
        .containsExactlyInAnyOrderElementsOf(Arrays.stream(ErrorCode.values()).map(Enum::name).toList());
  }

  @Test
  void everyMessageHasAnExampleThatIsValidAndIsSaidInTheChannel() {
    JsonNode messages = DOCUMENTS.asyncApi.at("/components/messages");
    messages.properties().forEach(message -> {
      assertThat(DOCUMENTS.asyncApi.at("/channels/socket/messages").has(message.getKey())).isTrue();
      JsonNode examples = message.getValue().path("examples");
      assertThat(examples).as(message.getKey()).isNotEmpty();
      examples.forEach(example -> assertThat(DOCUMENTS.mistakes("asyncapi.json", message.getKey(), example.path("payload")))
          .as(example.toString()).isEmpty());
    });
    assertThat(names(SCHEMAS)).containsAll(names(messages));
  }

  @Test
  void everyExampleOfTheRestDocumentIsValid() {
    int[] checked = {0};
    DOCUMENTS.openApi.findParents("example").forEach(media -> {
      String ref = media.at("/schema/$ref").asText();
      if (!ref.isEmpty()) {
        checked[0]++;
        assertThat(DOCUMENTS.mistakes("openapi.json", ref.substring(ref.lastIndexOf('/') + 1), media.path("example")))
            .as(media.path("example").toString()).isEmpty();
      }
    });
    assertThat(checked[0]).isGreaterThan(20);
  }

  @Test
  void everyReferenceLeadsSomewhere() {
    Stream.of(DOCUMENTS.openApi, DOCUMENTS.asyncApi).forEach(document -> document.findValuesAsText("$ref").forEach(ref -> {
      JsonNode target = ref.startsWith("openapi.json") ? DOCUMENTS.openApi : document;
      assertThat(target.at(ref.substring(ref.indexOf('#') + 1)).isMissingNode()).as(ref).isFalse();
    }));
  }

  private static Set<String> dataFields(JsonNode schema) {
    Set<String> fields = names(schema.at("/properties/data/properties"));
    fields.remove("sessionId");
    return fields;
  }

  private static Set<String> names(JsonNode object) {
    Set<String> names = new TreeSet<>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }

  private static TreeMap<String, Set<String>> records(List<Class<?>> types) {
    var records = new TreeMap<String, Set<String>>();
    for (Class<?> type : types) {
      Set<String> fields = components(type);
      fields.remove("sessionId");
      records.put(type.getAnnotation(JsonTypeName.class).value(), fields);
    }
    return records;
  }

  private static Set<String> components(Class<?> type) {
    return new TreeSet<>(Arrays.stream(type.getRecordComponents()).map(RecordComponent::getName).toList());
  }

  private static List<Class<?>> leaves(Class<?> sealed) {
    return Arrays.stream(sealed.getPermittedSubclasses())
        .<Class<?>>flatMap(type -> type.isSealed() ? leaves(type).stream() : Stream.of(type)).toList();
  }
}
