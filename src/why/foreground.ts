// Programs that go into the background by themselves, and what keeps them in the foreground.

interface Daemon {
  /** What to write instead, as part of a sentence. */
  readonly remedy: string;
  /** Whether it goes into the background with these arguments, as far as they tell. */
  goes(args: string): boolean;
}

const option = (words: string, stays: RegExp): Daemon => {
  return { remedy: `start it with ${words}`, goes: (args) => !stays.test(args) };
};
const without = (words: string, sign: RegExp): Daemon => {
  return { remedy: `start it without ${words}`, goes: (args) => sign.test(args) };
};
const setting = (words: string): Daemon => ({ remedy: `set ${words} in its configuration`, goes: () => true });
const instead = (words: string): Daemon => ({ remedy: `start ${words} instead`, goes: () => true });

const apache = option('-D FOREGROUND', /-D\s*FOREGROUND/);
const redis = option('--daemonize no', /--daemonize\s+no/);
const mysql = without('--daemonize (-D), and not by mysqld_safe', /--daemonize|(^|\s)-\w*D/);
const postgres = instead('postgres -D DATADIR itself, not pg_ctl,');

/** By the name of the program, without a version behind it. */
const DAEMONS: ReadonlyMap<string, Daemon> = new Map([
  ['nginx', option("-g 'daemon off;'", /daemon\s+off/)],
  ['php-fpm', option('--nodaemonize (-F)', /--nodaemonize|(^|\s)-\w*F/)],
  ['sshd', option('-D (and -e for its log)', /(^|\s)-\w*[Dd]/)],
  ['redis-server', redis],
  ['redis-sentinel', redis],
  ['valkey-server', redis],
  ['postgres', { ...postgres, goes: () => false }],
  ['postmaster', { ...postgres, goes: () => false }],
  ['pg_ctl', postgres],
  ['pg_ctlcluster', option('--foreground', /--foreground/)],
  ['apache2', apache],
  ['httpd', apache],
  ['apachectl', apache],
  ['apache2ctl', apache],
  ['haproxy', option('-db, or -W -db for master and workers, and without -D', /(^|\s)-db(\s|$)/)],
  ['mysqld', mysql],
  ['mariadbd', mysql],
  ['mysqld_safe', instead('mysqld itself')],
  ['mysqld_multi', instead('mysqld itself')],
  ['mariadbd-safe', instead('mariadbd itself')],
  ['memcached', without('-d', /(^|\s)-\w*d|--daemon/)],
  ['mongod', without('--fork', /--fork/)],
  ['mongos', without('--fork', /--fork/)],
  ['dnsmasq', option('--keep-in-foreground (-k)', /--keep-in-foreground|(^|\s)-\w*k/)],
  ['cron', option('-f', /(^|\s)-\w*f/)],
  ['crond', option('-n (cronie) or -f (busybox)', /(^|\s)-\w*[nf]/)],
  ['atd', option('-f', /(^|\s)-\w*f/)],
  ['rsyslogd', option('-n', /(^|\s)-\w*n/)],
  ['named', option('-f (or -g for its log on stderr)', /(^|\s)-\w*[fg]/)],
  ['unbound', option('-d', /(^|\s)-\w*d/)],
  ['exim', option('-bdf', /-bdf/)],
  ['exim4', option('-bdf', /-bdf/)],
  ['postfix', option('start-fg', /start-fg/)],
  ['dovecot', option('-F', /(^|\s)-\w*F/)],
  ['vsftpd', setting('background=NO')],
  ['proftpd', option('--nodaemon (-n)', /--nodaemon|(^|\s)-\w*n/)],
  ['squid', option('--foreground', /--foreground|(^|\s)-\w*N/)],
  ['varnishd', option('-F', /(^|\s)-\w*F/)],
  ['lighttpd', option('-D', /(^|\s)-\w*D/)],
  ['caddy', option('run, not start', /(^|\s)run/)],
  ['chronyd', option('-n (or -d for its log on stderr)', /(^|\s)-\w*[nd]/)],
  ['ntpd', option('-n', /(^|\s)-\w*n/)],
  ['collectd', option('-f', /(^|\s)-\w*f/)],
  ['snmpd', option('-f', /(^|\s)-\w*f/)],
  ['smbd', option('--foreground (-F)', /--foreground|(^|\s)-\w*F/)],
  ['nmbd', option('--foreground (-F)', /--foreground|(^|\s)-\w*F/)],
  ['winbindd', option('--foreground (-F)', /--foreground|(^|\s)-\w*F/)],
  ['slapd', option('-d 0', /(^|\s)-d/)],
  ['rpcbind', option('-f', /(^|\s)-\w*f/)],
  ['keepalived', option('--dont-fork (-n)', /--dont-fork|(^|\s)-\w*n/)],
  ['openvpn', without('--daemon', /--daemon/)],
  ['stunnel', setting('foreground = yes')],
  ['stunnel4', setting('foreground = yes')],
  ['dbus-daemon', option('--nofork', /--nofork/)],
  ['avahi-daemon', without('-D', /(^|\s)-\w*D|--daemonize/)],
  ['fail2ban-server', option('-f', /(^|\s)-\w*f/)],
  ['fail2ban-client', instead('fail2ban-server -f')],
  ['supervisord', option('-n', /(^|\s)-\w*n|--nodaemon/)],
  ['gunicorn', without('--daemon (-D)', /--daemon|(^|\s)-\w*D/)],
  ['uwsgi', without('daemonize', /daemonize/)],
  ['celery', option('worker, not multi, and without --detach', /(^|\s)worker/)],
  ['pm2', instead('pm2-runtime')],
  ['rabbitmq-server', without('-detached', /-detached/)],
  ['elasticsearch', without('-d', /(^|\s)-\w*d|--daemonize/)],
  ['catalina.sh', option('run, not start', /(^|\s)run/)],
  ['startup.sh', instead('catalina.sh run')],
  ['zkServer.sh', option('start-foreground', /start-foreground/)],
  ['kafka-server-start.sh', without('-daemon', /-daemon/)],
  ['cassandra', option('-f', /(^|\s)-\w*f/)],
  ['xinetd', option('-dontfork', /-dontfork/)],
  ['tor', without('--RunAsDaemon 1', /RunAsDaemon\s+1/i)],
]);

/** `/usr/sbin/php-fpm8.2` is php-fpm. */
export function daemonNamed(program: string): Daemon | null {
  const name = program.slice(program.lastIndexOf('/') + 1);
  return DAEMONS.get(name) ?? DAEMONS.get(name.replace(/-?\d+(?:\.\d+)*$/, '')) ?? null;
}
