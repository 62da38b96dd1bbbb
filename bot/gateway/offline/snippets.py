"""The pieces of code that the offline demo model knows by heart, each with a remark."""

LANGUAGES = {"python": "Python", "javascript": "JavaScript", "sql": "SQL", "bash": "shell"}
SNIPPETS = {
    "python": (
        '''\
from collections import Counter
from pathlib import Path


def favourite_words(path: Path, most: int = 5) -> list[tuple[str, int]]:
    """The longest-loved words of a text, with how often each occurs."""
    words = path.read_text(encoding="utf-8").lower().split()
    return Counter(word for word in words if len(word) > 4).most_common(most)


for word, times in favourite_words(Path("diary.txt")):
    print(f"{word:<12} {'▪' * times}")''',
        "`Counter` does the counting, so the function only says what a favourite word is.",
    ),
    "javascript": (
        """\
const greet = (name, hour = new Date().getHours()) => {
  const part = hour < 12 ? "morning" : hour < 18 ? "afternoon" : "evening";
  return `Good ${part}, ${name}!`;
};

console.log(["Ada", "Grace", "Linus"].map((name) => greet(name)).join("\\n"));""",
        "The hour is an argument with a default, so a test can choose it.",
    ),
    "sql": (
        """\
select author, count(*) as questions, max(asked_at) as latest
from messages
where asked_at > current_date - interval '7 days'
group by author
having count(*) >= 3
order by questions desc, latest desc
limit 10;""",
        "`having` filters the groups after they were counted; `where` filters the rows before.",
    ),
    "bash": (
        """\
#!/usr/bin/env bash
set -euo pipefail

# The ten largest files below a directory, readable sizes first.
find "${1:-.}" -type f -print0 | xargs -0 du -h | sort -rh | head -n 10""",
        "`-print0` and `-0` keep file names with spaces in one piece.",
    ),
}
