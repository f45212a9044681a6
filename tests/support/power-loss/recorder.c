/*
 * Preloaded into a program, it records what a disk would still have after the power went: the content that a file had
 * when it was synced, and the names that a folder had when that was. Nothing else is durable.
 *
 * CROSSFADE_POWER_ROOT  the folder that is watched, as a real path
 * CROSSFADE_POWER_DISK  where the record is kept: f<inode> is the content of a file; d<inode> are the names in a folder,
 *                       one a line: type, mode in octal, inode, name
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int (*sync_call)(int);

static int is_watched(const char *path) {
  const char *root = getenv("CROSSFADE_POWER_ROOT");
  if (root == NULL || getenv("CROSSFADE_POWER_DISK") == NULL) return 0;
  size_t length = strlen(root);
  return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* An inode number is given again to the next file: the time of birth tells them apart. */
static void identity(int folder, const char *name, int flags, char *out, size_t size) {
  struct statx stat;
  if (statx(folder, name, flags, STATX_INO | STATX_BTIME, &stat) != 0) {
    snprintf(out, size, "none");
    return;
  }
  snprintf(out, size, "%llu-%lld.%u", (unsigned long long)stat.stx_ino, (long long)stat.stx_btime.tv_sec,
           stat.stx_btime.tv_nsec);
}

static int open_record(char kind, const char *id, char *path, size_t size) {
  static __thread unsigned count;
  snprintf(path, size, "%s/.%d-%lx-%u-%c%s", getenv("CROSSFADE_POWER_DISK"), getpid(), (unsigned long)&count, count, kind,
           id);
  count += 1;
  return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static int write_all(int to, const char *bytes, ssize_t left) {
  while (left > 0) {
    ssize_t written = write(to, bytes, (size_t)left);
    if (written < 0) return -1;
    bytes += written;
    left -= written;
  }
  return 0;
}

/* Through the file's own descriptor where it can be read: closing another one would drop the locks that SQLite holds. */
static int copy_content(int fd, int to) {
  int from = fd, result = 0;
  char self[64], chunk[65536];
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    from = open(self, O_RDONLY | O_CLOEXEC);
    if (from < 0) return -1;
  }
  for (off_t at = 0;;) {
    ssize_t got = pread(from, chunk, sizeof chunk, at);
    if (got <= 0) {
      result = got < 0 ? -1 : 0;
      break;
    }
    if (write_all(to, chunk, got) != 0) {
      result = -1;
      break;
    }
    at += got;
  }
  if (from != fd) close(from);
  return result;
}

static int copy_names(const char *folder, int to) {
  DIR *dir = opendir(folder);
  if (dir == NULL) return -1;
  struct dirent *entry;
  while ((entry = readdir(dir)) != NULL) {
    char id[96], line[512];
    struct stat stat;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (fstatat(dirfd(dir), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0) continue;
    identity(dirfd(dir), entry->d_name, AT_SYMLINK_NOFOLLOW, id, sizeof id);
    char type = S_ISDIR(stat.st_mode) ? 'd' : S_ISREG(stat.st_mode) ? 'f' : '-';
    int length = snprintf(line, sizeof line, "%c %o %s %s\n", type, stat.st_mode & 07777, id, entry->d_name);
    if (write_all(to, line, length) != 0) break;
  }
  closedir(dir);
  return 0;
}

/* What was written before the call counts, and it counts from when the call has succeeded. */
static int recorded(int fd, const char *name) {
  int error = errno;
  sync_call real = (sync_call)dlsym(RTLD_NEXT, name);
  char self[64], path[PATH_MAX], id[96], draft[PATH_MAX + 256], record[PATH_MAX + 256];
  struct stat stat;
  snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(self, path, sizeof path - 1);
  if (length <= 0 || fstat(fd, &stat) != 0) return real(fd);
  path[length] = 0;
  if (!is_watched(path)) return real(fd);
  identity(fd, "", AT_EMPTY_PATH, id, sizeof id);
  char kind = S_ISDIR(stat.st_mode) ? 'd' : 'f';
  int to = open_record(kind, id, draft, sizeof draft);
  int copied = to < 0 ? -1 : kind == 'd' ? copy_names(path, to) : copy_content(fd, to);
  if (to >= 0) close(to);
  errno = error;
  int result = real(fd);
  error = errno;
  snprintf(record, sizeof record, "%s/%c%s", getenv("CROSSFADE_POWER_DISK"), kind, id);
  if (copied != 0) {
    /* A record that is not what was synced would prove nothing. */
    fprintf(stderr, "power-loss recorder: %s could not be recorded\n", path);
    abort();
  }
  if (result == 0) rename(draft, record);
  else unlink(draft);
  errno = error;
  return result;
}

int fsync(int fd) { return recorded(fd, "fsync"); }
int fdatasync(int fd) { return recorded(fd, "fdatasync"); }
