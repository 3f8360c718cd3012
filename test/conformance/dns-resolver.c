/* Looks a name up as every program of its C library does: prints addresses, or the error of getaddrinfo(). */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  struct addrinfo hints = {0}, *list, *one;
  char text[INET6_ADDRSTRLEN];
  if (argc != 3) return 2;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = atoi(argv[1]) == 4 ? AF_INET : atoi(argv[1]) == 6 ? AF_INET6 : AF_UNSPEC;
  int error = getaddrinfo(argv[2], NULL, &hints, &list);
  if (error != 0) {
    printf("%s\n", error == EAI_AGAIN ? "try again" : error == EAI_FAIL ? "failure" : "no such name");
    return 0;
  }
  for (one = list; one != NULL; one = one->ai_next) {
    const void *from = one->ai_family == AF_INET ? (void *)&((struct sockaddr_in *)one->ai_addr)->sin_addr
                                                 : (void *)&((struct sockaddr_in6 *)one->ai_addr)->sin6_addr;
    puts(inet_ntop(one->ai_family, from, text, sizeof text));
  }
  freeaddrinfo(list);
  return 0;
}
