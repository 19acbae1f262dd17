"""Commands of web frameworks and migration tools that empty or rewind a database.

    python manage.py flush        bin/rails db:drop        npx prisma migrate reset

A framework's task is found wherever its runner stands: as the program, below `npx`, `bundle
exec`, `python`, `php`. Not covered: tasks that a project defines itself.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call

_LOSING = re.compile(
    r"(?:manage\.py|django-admin)\s+(?:flush|reset_db|sqlflush\s*\||migrate\s+\S+\s+(?:zero|\d+))"
    r"|(?:rails|rake|spring)\s+(?:\S+\s+)*?db:(?:drop|reset|purge|truncate_all|rollback|"
    r"migrate:(?:reset|down|redo)|schema:load|structure:load|seed:replant|setup|wipe)"
    r"|prisma\s+(?:migrate\s+reset|db\s+push\s+(?:\S+\s+)*--(?:force-reset|accept-data-loss)|"
    r"db\s+execute)"
    r"|artisan\s+(?:migrate:(?:fresh|refresh|reset|rollback)|db:wipe|queue:flush|"
    r"queue:clear|schema:drop|model:prune)"
    r"|(?:bin/console|doctrine)\s+(?:\S+\s+)*?(?:doctrine:(?:database|schema):drop|orm:schema-tool:drop|"
    r"doctrine:fixtures:load|doctrine:migrations:migrate\s+(?:first|prev))"
    r"|alembic\s+(?:\S+\s+)*?downgrade|flask\s+db\s+downgrade|aerich\s+downgrade"
    r"|flyway\s+(?:\S+\s+)*?(?:clean|undo)|liquibase\s+(?:\S+\s+)*?(?:drop-?all|rollback)"
    r"|sequelize(?:-cli)?\s+db:(?:drop|migrate:undo|seed:undo)"
    r"|knex\s+migrate:(?:rollback|down)|typeorm\s+(?:schema:drop|migration:revert)"
    r"|mikro-orm\s+(?:schema:(?:drop|fresh)|migration:(?:down|fresh))"
    r"|drizzle-kit\s+(?:drop|push)|mix\s+ecto\.(?:drop|reset|rollback)"
    r"|diesel\s+(?:database\s+(?:reset|drop)|migration\s+(?:revert|redo))"
    r"|sqlx\s+(?:database\s+(?:drop|reset)|migrate\s+revert)"
    r"|goose\s+(?:\S+\s+)*?(?:down|reset|redo)|dbmate\s+(?:\S+\s+)*?(?:drop|down|rollback)"
    r"|migrate\s+(?:\S+\s+)*?(?:drop|down|force)\b|atlas\s+schema\s+clean"
    r"|wp\s+(?:\S+\s+)*?(?:db\s+(?:drop|reset|clean)|site\s+empty|search-replace)"
    r"|drush\s+(?:\S+\s+)*?(?:sql-drop|sql:drop|site-install|pm-uninstall)"
    r"|celery\s+(?:\S+\s+)*?purge\b|magento\s+setup:uninstall|\bocc\s+(?:user|group):delete"
    r"|wp\s+(?:\S+\s+)*?(?:user\s+(?:create|delete)|plugin\s+delete)"
    r"|dotnet\s+ef\s+database\s+(?:drop|update\s+0)|supabase\s+db\s+reset"
    r"|(?:npm|pnpm|yarn|cargo|gem|twine|poetry)\s+(?:unpublish|deprecate|yank|owner\s+rm|"
    r"access\s+(?:revoke|set)|dist-tag\s+rm)"
)


def _console(call: Call) -> None:
    """Code for a framework's own runner or console, given as a word or on standard input."""
    from cli_tuner.shell.programs.code_stores import loses_stored

    texts = [arg.text for arg in call.args[:8]]
    if "runner" in texts or ("r" in texts[:1] and call.name == "rails"):
        loses_stored(call, " ".join(texts))
    elif "tinker" in texts or {"console", "c"} & set(texts[:3]):
        code = call.after("--execute")
        loses_stored(call, f"{code.text if code is not None else ''}\n{call.stdin.text}")


def loses_data(call: Call) -> bool:
    """Emit the loss of a database's or a registry's state, if the words name such a task."""
    if call.has("--help", "-h", "--dry-run", "--pretend", "--sql"):
        return False
    _console(call)
    words = " ".join([call.name, *(arg.text for arg in call.args[:12])])
    match = _LOSING.search(words)
    if match:
        call.effect(EffectKind.REMOTE_STATE, match.group(0)[:80], "database", "delete")
    return match is not None
