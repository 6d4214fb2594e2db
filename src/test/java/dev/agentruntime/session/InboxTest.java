package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.MessageContent;
import org.junit.jupiter.api.Test;

class InboxTest {

  private static final MessageContent TEXT = MessageContent.of("text");

  @Test
  void messagesComeOutInOrderAndOnlyWhenStored() {
    Inbox inbox = new Inbox(16);
    Inbox.Waiting first = inbox.add("t1", "m1", TEXT, false);
    Inbox.Waiting second = inbox.add("t2", "m2", TEXT, false);
    second.stored = true;
    assertThat(inbox.next()).isNull();
    first.stored = true;
    assertThat(inbox.next()).isSameAs(first);
    assertThat(inbox.next()).isSameAs(second);
    assertThat(inbox.next()).isNull();
    assertThat(first.accepted.queued()).isZero();
    assertThat(second.accepted.queued()).isEqualTo(1);
  }

  @Test
  void moreThanTheLimitDoNotWait() {
    Inbox inbox = new Inbox(2);
    assertThat(inbox.add("t1", "m1", TEXT, true).accepted.queued()).isEqualTo(1);
    inbox.add("t2", "m2", TEXT, true);
    assertThatThrownBy(() -> inbox.add("t3", "m3", TEXT, true)).isInstanceOfSatisfying(ApiException.class,
        e -> assertThat(e.code()).isEqualTo(ErrorCode.QUEUE_FULL));
    assertThat(inbox.answered("m3")).isNull();
    assertThat(inbox.size()).isEqualTo(2);
  }

  @Test
  void aWithdrawnMessageMayComeAgainAndAStartedOneIsRemembered() {
    Inbox inbox = new Inbox(2);
    inbox.add("t1", "m1", TEXT, false);
    inbox.withdraw("m1");
    assertThat(inbox.isEmpty()).isTrue();
    assertThat(inbox.answered("m1")).isNull();
    inbox.restore(new JournalEntry.Accepted("t2", "m1", 1, TEXT, null));
    assertThat(inbox.started("t2").accepted.messageId()).isEqualTo("m1");
    assertThat(inbox.started("t2")).isNull();
    assertThat(inbox.answered("m1").queued()).isEqualTo(1);
  }

  @Test
  void anIdInCapitalsIsTheSame() {
    Inbox inbox = new Inbox(2);
    inbox.add("t1", "M1", TEXT, false);
    assertThat(inbox.answered("m1").messageId()).isEqualTo("M1");
    inbox.restore(new JournalEntry.Accepted("t2", "M2", 1, TEXT, null));
    assertThat(inbox.answered("m2").turnId()).isEqualTo("t2");
    inbox.withdraw("M1");
    assertThat(inbox.answered("m1")).isNull();
  }

  @Test
  void onlyAnEarlierMessageIsInterrupted() {
    Inbox inbox = new Inbox(2);
    Inbox.Waiting first = inbox.add("t1", "m1", TEXT, false);
    assertThat(inbox.firstBefore(first)).isNull();
    inbox.interrupt(null);
    assertThat(first.interrupted).isFalse();
    Inbox.Waiting second = inbox.add("t2", "m2", TEXT, false);
    assertThat(inbox.firstBefore(second)).isEqualTo("t1");
    inbox.interrupt("t1");
    assertThat(first.interrupted).isTrue();
    assertThat(second.interrupted).isFalse();
  }
}
