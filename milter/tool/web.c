/*
 * bouncemilter-web: metrics and health over HTTP, for Prometheus and for whoever
 * asks whether all is well. It only reads. The store is opened for each request,
 * because it may not be there yet, or be another one than before.
 *
 * libmicrohttpd has one thread, which serves one request after the other; the main
 * thread waits for a signal.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/msg.h"
#include "metrics.h"
#include "startup.h"
#include "tool/tool.h"

#define PROGRAM "bouncemilter-web"
#define LISTEN_DEFAULT "127.0.0.1:9793"
#define CONNECTIONS_MOST 16
#define IDLE_SEC 10
#define MEMORY_BYTES 16384 /* of a connection: request line and headers */
#define COUNT_PAUSE_MSEC 30000

static const char usage_text[] =
    "usage: bouncemilter-web [-fhV] [-c FILE] [-l ADDRESS:PORT]\n"
    "\n"
    "  -c, --config FILE       default " CONFIG_FILE "\n"
    "  -f, --foreground        stay in the foreground, log to standard error\n"
    "  -l, --listen ADDRESS:PORT\n"
    "                          where to listen, default " LISTEN_DEFAULT "; an IPv6\n"
    "                          address stands in brackets; port 0 is any free one\n"
    "  -h, --help              print this, and exit\n"
    "  -V, --version           print the version, and exit\n";

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "foreground", no_argument, NULL, 'f' },
	{ "listen", required_argument, NULL, 'l' }, { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 },
};

/* Belongs to the thread of libmicrohttpd, but for the configuration, which does not
   change. */
struct web {
	const struct config *config;
	struct metrics_addresses addresses;
	bool failing; /* it was said that the store cannot be read */
};

#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_HTML "text/html; charset=utf-8"

static const char index_page[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><title>bouncemilter</title></head><body>\n"
    "<h1>bouncemilter</h1>\n<ul>\n"
    "<li><a href=\"/metrics\">/metrics</a>: for Prometheus</li>\n"
    "<li><a href=\"/healthz\">/healthz</a>: is all well?</li>\n"
    "</ul>\n</body></html>\n";

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, const char *type, struct str body)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(body.len,
	    (void *)body.data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ret;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Content-Security-Policy",
	    "default-src 'none'; frame-ancestors 'none'");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	ret = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return ret;
}

/* What is wrong is for our log; strangers learn that something is. */
static void
note_failure(struct web *web, const char *error)
{
	if (!web->failing)
		msg_error("%s", error);
	web->failing = true;
	memset(&web->addresses, 0, sizeof(web->addresses));
}

static struct store *
open_store(struct web *web)
{
	enum store_error kind;
	struct store *store;
	const char *error;

	if (store_open(web->config->state_dir, web->config->store_size_bytes, true, &store, &kind,
		&error) == 0)
		return store;
	note_failure(web, error);
	return NULL;
}

static void
note_success(struct web *web)
{
	if (web->failing)
		msg_info("the store can be read again");
	web->failing = false;
}

static enum MHD_Result
answer_metrics(struct web *web, struct MHD_Connection *connection)
{
	struct store *store = open_store(web);
	struct buf body = { 0 };
	enum MHD_Result ret;
	const char *error;

	if (store != NULL && metrics_count_addresses(store, COUNT_PAUSE_MSEC, &web->addresses,
		&error) == 0 && metrics_print(store, web->config, &web->addresses, &body,
		&error) == 0) {
		note_success(web);
		ret = answer(connection, MHD_HTTP_OK, TYPE_METRICS, buf_str(&body));
	} else {
		if (store != NULL)
			note_failure(web, error);
		ret = answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, TYPE_TEXT,
		    STR("the store cannot be read\n"));
	}
	buf_free(&body);
	store_close(store);
	return ret;
}

static enum MHD_Result
answer_health(struct web *web, struct MHD_Connection *connection)
{
	struct store *store = open_store(web);
	struct buf why = { 0 };
	enum MHD_Result ret;
	const char *error;
	int critical = store == NULL ? -1 : metrics_is_self_critical(store, &error);

	if (store != NULL && critical == -1)
		note_failure(web, error);
	if (critical == -1)
		buf_add(&why, STR("the store cannot be read\n"));
	else
		note_success(web);
	if (!metrics_is_daemon_up(web->config))
		buf_add(&why, STR("the daemon does not run\n"));
	if (critical == 1)
		buf_add(&why, STR("a critical incident of rule self is open\n"));
	if (why.len == 0)
		ret = answer(connection, MHD_HTTP_OK, TYPE_TEXT, STR("ok\n"));
	else
		ret = answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, TYPE_TEXT, buf_str(&why));
	buf_free(&why);
	store_close(store);
	return ret;
}

/* Does the request announce a body? */
static bool
has_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
	    MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length != NULL && strcmp(length, "0") != 0) ||
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
		MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

/* Called first when the headers are there, and once more for the answer; a refusal
   does not wait for a body, and ends the connection if one is announced. */
static enum MHD_Result
handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **request)
{
	static const char seen[] = "";

	(void)version;
	(void)upload;
	(void)upload_size;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, TYPE_TEXT,
		    STR("only GET and HEAD\n"));
	if (has_body(connection))
		return answer(connection, MHD_HTTP_BAD_REQUEST, TYPE_TEXT,
		    STR("a request has no body here\n"));
	if (*request == NULL) {
		*request = (void *)seen;
		return MHD_YES;
	}
	if (strcmp(url, "/metrics") == 0)
		return answer_metrics(context, connection);
	if (strcmp(url, "/healthz") == 0)
		return answer_health(context, connection);
	if (strcmp(url, "/") == 0)
		return answer(connection, MHD_HTTP_OK, TYPE_HTML, str_of(index_page));
	return answer(connection, MHD_HTTP_NOT_FOUND, TYPE_TEXT, STR("not found\n"));
}

/* Read "127.0.0.1:9793" or "[::1]:9793". Ends the program if it is neither. */
static void
parse_listen(const char *text, struct sockaddr_storage *address_r, socklen_t *size_r)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(text, ':');
	struct str host = { text, colon == NULL ? 0 : (size_t)(colon - text) };
	char name[INET6_ADDRSTRLEN + 32];
	struct addrinfo *found;
	uint64_t port = UINT64_MAX;
	bool brackets = host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';

	if (brackets)
		host = str_sub(host, 1, host.len - 1);
	snprintf(name, sizeof(name), "%.*s", STR_ARGS(host));
	if (host.len == 0 || host.len >= sizeof(name) || brackets != (strchr(name, ':') != NULL) ||
	    str_number(str_of(colon + 1), &port) == -1 || port > UINT16_MAX ||
	    getaddrinfo(name, colon + 1, &hints, &found) != 0)
		tool_usage(PROGRAM, "\"%s\" is no address and port: write %s or [::1]:9793", text,
		    LISTEN_DEFAULT);
	memcpy(address_r, found->ai_addr, found->ai_addrlen);
	*size_r = found->ai_addrlen;
	freeaddrinfo(found);
}

static bool
is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
	return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> IN_CLASSA_NSHIFT ==
	    IN_LOOPBACKNET;
}

/* Say where it really is: port 0 has become another. */
static void
say_address(int fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	char host[NI_MAXHOST], port[NI_MAXSERV];
	bool v6;

	if (getsockname(fd, (struct sockaddr *)&address, &size) == -1 ||
	    getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	v6 = address.ss_family == AF_INET6;
	msg_info("%s listens at http://%s%s%s:%s/", VERSION, v6 ? "[" : "", host, v6 ? "]" : "",
	    port);
	if (!is_loopback(&address))
		msg_warning("%s is no loopback address: whoever can reach it can read the metrics",
		    host);
}

/* Returns the socket, or -1 with a sentence. */
static int
listen_at(const char *text, const char **error_r)
{
	struct sockaddr_storage address;
	socklen_t size;
	int fd, one = 1;

	parse_listen(text, &address, &size);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    (address.ss_family != AF_INET6 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
	    bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	msg_failure(error_r, "cannot listen at %s: %s", text, strerror(errno));
	if (fd != -1)
		close(fd);
	return -1;
}

/* Started as root: be who may read the store and nothing else. */
static void
drop_privileges(const struct config *config)
{
	int status = EX_OSERR;
	const char *error;

	if (startup_become_owner(config, &error) == -1 ||
	    (geteuid() == 0 && startup_become_user(config, &status, &error) == -1)) {
		msg_error("%s", error);
		exit(status);
	}
}

/* Serve until a signal. Returns the exit status. */
static int
serve(struct web *web, int fd, int report)
{
	struct MHD_Daemon *daemon;
	sigset_t signals;
	int signal;

	/* From here on connections wait for their turn. */
	if (report != -1) {
		startup_report(report, EXIT_SUCCESS);
		msg_open(PROGRAM, true);
	}
	say_address(fd);
	/* Before there is a thread: each is born with them blocked. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	daemon = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, handle, web,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MOST,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SEC, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)MEMORY_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (daemon == NULL) {
		msg_error("libmicrohttpd cannot be started");
		return EX_OSERR;
	}
	while (sigwait(&signals, &signal) != 0)
		continue;
	MHD_stop_daemon(daemon);
	msg_info("stopped");
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	const char *config_path = CONFIG_FILE, *listen_text = LISTEN_DEFAULT, *error;
	bool foreground = false;
	struct config *config;
	int option, fd, status;

	msg_open(PROGRAM, false);
	while ((option = getopt_long(argc, argv, "c:fl:hV", long_options, NULL)) != -1) {
		if (option == 'c')
			config_path = optarg;
		else if (option == 'f')
			foreground = true;
		else if (option == 'l')
			listen_text = optarg;
		else
			tool_last_option(PROGRAM, usage_text, option);
	}
	if (optind < argc)
		tool_usage(PROGRAM, "unexpected \"%s\"", argv[optind]);
	fd = listen_at(listen_text, &error);
	if (fd == -1) {
		msg_error("%s", error);
		return EX_UNAVAILABLE;
	}
	config = tool_config(config_path);
	drop_privileges(config);
	status = serve(&(struct web){ .config = config }, fd, foreground ? -1 : startup_detach());
	config_put(config);
	return status;
}
