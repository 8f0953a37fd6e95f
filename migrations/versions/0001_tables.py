"""The tables as they were at the start."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cursor",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("mailbox", sa.String(length=500), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cursor"),
        sa.UniqueConstraint("mailbox", name="uq_cursor_mailbox"),
    )
    op.create_table(
        "mail_group",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mail_group"),
        sa.UniqueConstraint("slug", name="uq_mail_group_slug"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=1000), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("source_detail", sa.Text(), nullable=False),
        sa.Column("envelope_sender", sa.Text(), nullable=True),
        sa.Column("envelope_recipient", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disposition", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sender", sa.String(length=320), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
        sa.UniqueConstraint(
            "group_id", "message_id", "content_hash", name="uq_message_group_id_message_id_content_hash"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_message_disposition", "message", ["disposition"], unique=False)
    op.create_table(
        "setting",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_setting"),
    )
    op.create_table(
        "discussion",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("opens", sa.Date(), nullable=False),
        sa.Column("closes", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["mail_group.id"], name="fk_discussion_group_id_mail_group"),
        sa.PrimaryKeyConstraint("id", name="pk_discussion"),
        sa.UniqueConstraint("slug", name="uq_discussion_slug"),
    )
    op.create_table(
        "facilitator",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["mail_group.id"], name="fk_facilitator_group_id_mail_group"),
        sa.PrimaryKeyConstraint("id", name="pk_facilitator"),
        sa.UniqueConstraint("group_id", "address", name="uq_facilitator_group_id_address"),
    )
    op.create_table(
        "subscriber",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("delivery", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["mail_group.id"], name="fk_subscriber_group_id_mail_group"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriber"),
        sa.UniqueConstraint("group_id", "address", name="uq_subscriber_group_id_address"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "contribution",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("discussion_id", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("author_address", sa.String(length=320), nullable=False),
        sa.Column("on_behalf_of", sa.Text(), nullable=False),
        sa.Column("contributor", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("original_text", sa.Text(), nullable=False),
        sa.Column("edited_text", sa.Text(), nullable=True),
        sa.Column("cut", sa.JSON(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("hold_reason", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["discussion_id"], ["discussion.id"], name="fk_contribution_discussion_id_discussion"),
        sa.ForeignKeyConstraint(["group_id"], ["mail_group.id"], name="fk_contribution_group_id_mail_group"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="fk_contribution_message_id_message"),
        sa.PrimaryKeyConstraint("id", name="pk_contribution"),
        sa.UniqueConstraint("discussion_id", "number", name="uq_contribution_discussion_id_number"),
        sa.UniqueConstraint("message_id", name="uq_contribution_message_id"),
    )
    op.create_index("ix_contribution_group_author", "contribution", ["group_id", "author_address"], unique=False)
    op.create_index("ix_contribution_group_state", "contribution", ["group_id", "state"], unique=False)
    op.create_table(
        "document",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("discussion_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("model", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["discussion_id"], ["discussion.id"], name="fk_document_discussion_id_discussion"),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
        sa.UniqueConstraint("discussion_id", "version", name="uq_document_discussion_id_version"),
    )
    op.create_table(
        "week",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("discussion_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("opens", sa.Date(), nullable=False),
        sa.Column("closes", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["discussion_id"], ["discussion.id"], name="fk_week_discussion_id_discussion"),
        sa.PrimaryKeyConstraint("id", name="pk_week"),
        sa.UniqueConstraint("discussion_id", "number", name="uq_week_discussion_id_number"),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("contribution_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("by", sa.String(length=320), nullable=False),
        sa.Column("way", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contribution_id"], ["contribution.id"], name="fk_decision_contribution_id_contribution"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
    )
    op.create_index("ix_decision_contribution", "decision", ["contribution_id"], unique=False)
    op.create_table(
        "mailing",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("discussion_id", sa.Integer(), nullable=True),
        sa.Column("contribution_id", sa.Integer(), nullable=True),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("week", sa.Integer(), nullable=True),
        sa.Column("question", sa.Integer(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contribution_id"], ["contribution.id"], name="fk_mailing_contribution_id_contribution"
        ),
        sa.ForeignKeyConstraint(["discussion_id"], ["discussion.id"], name="fk_mailing_discussion_id_discussion"),
        sa.ForeignKeyConstraint(["group_id"], ["mail_group.id"], name="fk_mailing_group_id_mail_group"),
        sa.PrimaryKeyConstraint("id", name="pk_mailing"),
        sa.UniqueConstraint("group_id", "key", name="uq_mailing_group_id_key"),
    )
    op.create_table(
        "passage",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("contribution_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("week", sa.Integer(), nullable=True),
        sa.Column("question", sa.Integer(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["contribution_id"], ["contribution.id"], name="fk_passage_contribution_id_contribution"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_passage"),
        sa.UniqueConstraint("contribution_id", "position", name="uq_passage_contribution_id_position"),
    )
    op.create_table(
        "question",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("week_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["week_id"], ["week.id"], name="fk_question_week_id_week"),
        sa.PrimaryKeyConstraint("id", name="pk_question"),
        sa.UniqueConstraint("week_id", "number", name="uq_question_week_id_number"),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("facilitator_address", sa.String(length=320), nullable=False),
        sa.Column("contribution_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["contribution_id"], ["contribution.id"], name="fk_token_contribution_id_contribution"),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.UniqueConstraint("hash", name="uq_token_hash"),
    )
    op.create_table(
        "rendering",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("mailing_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("edition", sa.String(length=30), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("envelope_sender", sa.String(length=320), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailing.id"], name="fk_rendering_mailing_id_mailing"),
        sa.PrimaryKeyConstraint("id", name="pk_rendering"),
        sa.UniqueConstraint("mailing_id", "language", "edition", name="uq_rendering_mailing_id_language_edition"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("mailing_id", sa.Integer(), nullable=False),
        sa.Column("rendering_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=True),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=400), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(length=100), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_reply", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailing.id"], name="fk_delivery_mailing_id_mailing"),
        sa.ForeignKeyConstraint(["rendering_id"], ["rendering.id"], name="fk_delivery_rendering_id_rendering"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name="fk_delivery_subscriber_id_subscriber"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("mailing_id", "recipient", name="uq_delivery_mailing_id_recipient"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delivery_message_id", "delivery", ["message_id"], unique=False)
    op.create_index("ix_delivery_state_next", "delivery", ["state", "next_attempt_at"], unique=False)
    op.create_table(
        "bounce",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=True),
        sa.Column("delivery_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("permanent", sa.Boolean(), nullable=False),
        sa.Column("diagnostic", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name="fk_bounce_delivery_id_delivery"),
        sa.ForeignKeyConstraint(["group_id"], ["mail_group.id"], name="fk_bounce_group_id_mail_group"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="fk_bounce_message_id_message"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name="fk_bounce_subscriber_id_subscriber"),
        sa.PrimaryKeyConstraint("id", name="pk_bounce"),
    )
    op.create_index("ix_bounce_subscriber", "bounce", ["subscriber_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_bounce_subscriber", table_name="bounce")
    op.drop_table("bounce")
    op.drop_index("ix_delivery_state_next", table_name="delivery")
    op.drop_index("ix_delivery_message_id", table_name="delivery")
    op.drop_table("delivery")
    op.drop_table("rendering")
    op.drop_table("token")
    op.drop_table("question")
    op.drop_table("passage")
    op.drop_table("mailing")
    op.drop_index("ix_decision_contribution", table_name="decision")
    op.drop_table("decision")
    op.drop_table("week")
    op.drop_table("document")
    op.drop_index("ix_contribution_group_state", table_name="contribution")
    op.drop_index("ix_contribution_group_author", table_name="contribution")
    op.drop_table("contribution")
    op.drop_table("subscriber")
    op.drop_table("facilitator")
    op.drop_table("discussion")
    op.drop_table("setting")
    op.drop_index("ix_message_disposition", table_name="message")
    op.drop_table("message")
    op.drop_table("mail_group")
    op.drop_table("cursor")
