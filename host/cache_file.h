/* Files of the program cache: some bytes under a key. What is loaded is what was saved under exactly this key, or nothing:
 * drivers may crash on a damaged program, so they get none that is not verified. Nothing here knows OpenCL.
 *
 * A file is, in this order and with the machine's own byte order:
 *   magic, version       16 bytes
 *   bytes of the key     8 bytes
 *   bytes of the payload 8 bytes
 *   checksum             16 bytes, XXH3 of 128 bits over the payload
 *   key, payload
 * and its name is a hash of the key. The key is there in full, so two keys with one hash replace each other's files but are
 * never mistaken for each other. */
#ifndef CLNORM_HOST_CACHE_FILE_H
#define CLNORM_HOST_CACHE_FILE_H

#include <stddef.h>

#include "cache_folder.h"

/* 32 hexadecimal digits, and what shows that it is one of ours, with its end. */
#define CLNORM__CACHE_NAME (32 + sizeof ".clnorm")

typedef enum clnorm__cache_kind {
  CLNORM__CACHE_OTHER,
  CLNORM__CACHE_WHOLE,
  CLNORM__CACHE_TEMPORARY /* being written */
} clnorm__cache_kind;

typedef struct clnorm__cache_bytes {
  void *data;
  size_t size;
} clnorm__cache_bytes;

/* By the name alone. */
clnorm__cache_kind clnorm__cache_kind_of(const char *name);

/* The name of the key's file. */
void clnorm__cache_name(const clnorm__cache_bytes *key, char name[CLNORM__CACHE_NAME]);

/* HIT: *payload is a copy in memory, verified; free its data. It counts as used now. */
clnorm__cache_answer clnorm__cache_load(const char *path, const clnorm__cache_bytes *key, clnorm__cache_bytes *payload);

/* 1 if a file with these bytes is there now, whole; 0 if not, and then what was there before still is. Other processes may
 * save and load at the same time. */
int clnorm__cache_save(const char *path, const clnorm__cache_bytes *key, const clnorm__cache_bytes *payload);

#endif
