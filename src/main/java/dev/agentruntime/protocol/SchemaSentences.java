package dev.agentruntime.protocol;

import com.networknt.schema.PathType;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.ValidationMessage;
import com.networknt.schema.i18n.ResourceBundleMessageSource;
import java.util.Locale;

/** What is said of JSON that is not as its schema wants it: the words of {@code schema-sentences.properties}, else the validator's own. */
public final class SchemaSentences {

  private SchemaSentences() {}

  /** For a schema whose refusals are told to people. Formats are checked too. */
  public static SchemaValidatorsConfig config() {
    return SchemaValidatorsConfig.builder()
        .pathType(PathType.JSON_POINTER)
        .locale(Locale.ENGLISH)
        .formatAssertionsEnabled(true)
        .messageSource(new ResourceBundleMessageSource("schema-sentences", "jsv-messages"))
        .build();
  }

  /** A sentence without its subject, which is {@link ValidationMessage#getInstanceLocation()}, and without its full stop. */
  public static String predicate(ValidationMessage message) {
    String text = message.getMessage();
    String subject = message.getInstanceLocation() + ": ";
    return text.startsWith(subject) ? text.substring(subject.length()) : text;
  }
}
