# Runs in the sandbox after a command, to see what digests of files do not show: the content of
# archives and compressed files without their times, of databases, and of git repositories.
# Everything is unpacked outside of what is compared, and into a folder that goes away.
cd "$HOME" || exit
room=/dev/shm/.look
digest() { sha256sum | cut -c 1-64; }
held() {
  find . -mindepth 1 -printf '%P %y %m %l\n' | LC_ALL=C sort
  find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
}
find "$HOME" /tmp /srv /data /opt /mnt -xdev -name .git -prune -o -type f -print 2>/dev/null |
  LC_ALL=C sort | while IFS= read -r file; do
    rm -rf "$room"
    mkdir "$room"
    case $file in
      *.tar | *.tar.* | *.tgz | *.tbz2 | *.txz) tar -xpf "$file" -C "$room" 2>/dev/null ;;
      *.zip | *.jar) unzip -qq -o "$file" -d "$room" </dev/null >/dev/null 2>&1 ;;
      *.7z) 7z x -y -o"$room" "$file" >/dev/null 2>&1 ;;
      *.cpio) (cd "$room" && cpio -idm --quiet <"$file" 2>/dev/null) ;;
      *.a) (cd "$room" && ar x "$file" 2>/dev/null) ;;
      *.gz) zcat "$file" 2>/dev/null >"$room/content" ;;
      *.bz2) bzcat "$file" 2>/dev/null >"$room/content" ;;
      *.xz | *.lzma) xzcat "$file" 2>/dev/null >"$room/content" ;;
      *.zst) zstdcat "$file" 2>/dev/null >"$room/content" ;;
      *.db | *.sqlite | *.sqlite3) sqlite3 -readonly "$file" .dump >"$room/content" 2>/dev/null ;;
      *) continue ;;
    esac
    echo "== $file $? $(stat -c %a "$file")"
    case $file in *.zip | *.jar | *.db | *.sqlite*) ;; *) head -c 3 "$file" | od -An -tx1 ;; esac
    (cd "$room" && held)
    if ! find "$room" -type f -size +0 | grep -q .; then digest <"$file"; fi
  done
rm -rf "$room"
find "$HOME" /tmp /srv /opt -xdev -type d -name '*.git' -prune 2>/dev/null | LC_ALL=C sort |
  while IFS= read -r store; do
    echo "== $store"
    case $store in */.git) at=${store%/.git} bare=false ;; *) at=$store bare=true ;; esac
    git() { command git --git-dir="$store" --work-tree="$at" "$@"; }
    git symbolic-ref -q HEAD || git log -1 --format=%s
    git for-each-ref --format='%(refname) %(objecttype) %(contents:subject) %(*subject) %(upstream) %(tree)'
    git log --all --format='%s|%an|%ae|%T|%b' | LC_ALL=C sort
    git stash list --format=%gs
    git config --local --list | LC_ALL=C sort
    if [ "$bare" = false ]; then
      git ls-files --stage
      (cd "$at" && command git status --porcelain)
    fi
    for file in "$store"/info/exclude "$store"/hooks/*; do
      case $file in *.sample) ;; *) [ -f "$file" ] && echo "$file $(digest <"$file")" ;; esac
    done
    ls "$store" | grep -E '^(MERGE_HEAD|CHERRY_PICK_HEAD|REVERT_HEAD|rebase-.*|BISECT_LOG)$'
  done
exit 0
