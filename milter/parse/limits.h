/*
 * limits: how much of a stranger's message is read. Every limit that is hit
 * shows in the event as a LIMIT_ bit (bounce.h), so that nothing is cut in
 * silence. The values leave room above what real reports need: the largest
 * known ones have some 30 parts and a delivery-status part of 40 KiB.
 */
#ifndef PARSE_LIMITS_H
#define PARSE_LIMITS_H

#define LIMITS_REPORT_BYTES (512 * 1024)     /* of a whole report */
#define LIMITS_HEADER_BLOCK_BYTES (64 * 1024) /* of one header block */
#define LIMITS_FIELD_BYTES (16 * 1024)       /* of one field, unfolded */
#define LIMITS_HEADER_FIELDS 1000            /* of the report itself */
#define LIMITS_MIME_DEPTH 8                  /* nested parts */
#define LIMITS_MIME_PARTS 64                 /* parts of a report */
#define LIMITS_RECIPIENTS 100                /* recipient groups of a report */
#define LIMITS_STATUS_PART_BYTES (128 * 1024) /* delivery-status, decoded */
#define LIMITS_TEXT_PART_BYTES (64 * 1024)   /* notification text, decoded */
#define LIMITS_REPLY_BYTES 2048              /* reply text that is kept */
#define LIMITS_ID_BYTES 512                  /* message, queue and envelope ids */
#define LIMITS_ADDRESS_BYTES 1024            /* an address before it is checked */

#endif
