/** As the OCI runtime specification has it (config-linux.md, "Seccomp"). */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { readonly index: number; readonly value: number; readonly valueTwo?: number; readonly op: string }[];
}

const EPERM = 1;
const ENOSYS = 38;

/** From linux/socket.h. */
const AF_ALG = 38;
const AF_VSOCK = 40;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET of linux/sched.h. */
const NEW_NAMESPACES = 0x7e020000;

/** Linux, Linux 32-bit (PER_LINUX32), both with UNAME26, and the question "which is it". */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

const ARCHITECTURES: Readonly<Record<string, { readonly names: readonly string[]; readonly own: string }>> = {
  // Not x32, whose calls few kernels take and no distribution uses: each architecture costs a start some 4 ms.
  x64: { names: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], own: "arch_prctl modify_ldt" },
  arm64: {
    names: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    own: "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
  },
};

/**
 * What a process may ask the kernel for: docker's default for a container with these capabilities, less io_uring, the x32 ABI and less
 * AF_ALG, AF_VSOCK and socketcall (whose arguments a filter can't see, so that it would be a way around them). What is not listed
 * fails with EPERM.
 *
 * @param architecture Node's `process.arch`.
 * @param capabilities The container's bounding set: a capability is of no use without its calls.
 * @returns `undefined` for an architecture that we have no list for.
 */
export function seccompProfile(architecture: string, capabilities: readonly string[]): SeccompProfile | undefined {
  const known = ARCHITECTURES[architecture];
  if (known === undefined) return undefined;
  const listed = wordsOf([...Object.values(ALLOWED), known.own]);
  const given = wordsOf(capabilities.flatMap((name) => OF_CAPABILITIES[name] ?? []));
  const names = [...listed, ...new Set(given)];
  const mayMakeNamespaces = capabilities.includes("CAP_SYS_ADMIN");
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: known.names,
    syscalls: [
      { names, action: "SCMP_ACT_ALLOW" },
      ...PERSONALITIES.map((value) => allowIf("personality", { index: 0, value, op: "SCMP_CMP_EQ" })),
      // Rules of one call are joined by "or", so that "neither 38 nor 40" has to be three ranges.
      allowIf("socket", { index: 0, value: AF_ALG, op: "SCMP_CMP_LT" }),
      allowIf("socket", { index: 0, value: AF_ALG + 1, op: "SCMP_CMP_EQ" }),
      allowIf("socket", { index: 0, value: AF_VSOCK, op: "SCMP_CMP_GT" }),
      ...(mayMakeNamespaces ? [] : WITHOUT_NAMESPACES),
    ],
  };
}

function wordsOf(texts: readonly string[]): readonly string[] {
  return texts.join(" ").split(/\s+/).filter(Boolean);
}

function allowIf(name: string, argument: NonNullable<SeccompRule["args"]>[number]): SeccompRule {
  return { names: [name], action: "SCMP_ACT_ALLOW", args: [argument] };
}

const WITHOUT_NAMESPACES: readonly SeccompRule[] = [
  allowIf("clone", { index: 0, value: NEW_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }),
  // Its flags stand in memory, where no filter sees them: the C library falls back to clone.
  { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
];

/** What a capability is for, beside the calls that all may make. */
const OF_CAPABILITIES: Readonly<Record<string, string>> = {
  CAP_SYS_ADMIN: `
    mount umount umount2 mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick statmount listmount
    clone clone3 setns unshare sethostname setdomainname quotactl quotactl_fd
    bpf perf_event_open fanotify_init lookup_dcookie syslog`,
  CAP_DAC_READ_SEARCH: "open_by_handle_at",
  CAP_SYS_BOOT: "reboot",
  CAP_SYS_MODULE: "init_module finit_module delete_module",
  CAP_SYS_PACCT: "acct",
  CAP_SYS_PTRACE: "kcmp pidfd_getfd process_madvise",
  CAP_SYS_RAWIO: "iopl ioperm",
  CAP_SYS_TIME: "settimeofday stime clock_settime clock_settime64",
  CAP_SYS_TTY_CONFIG: "vhangup",
  CAP_SYS_NICE: "get_mempolicy set_mempolicy set_mempolicy_home_node mbind migrate_pages move_pages",
  CAP_SYSLOG: "syslog",
  CAP_BPF: "bpf",
  CAP_PERFMON: "perf_event_open",
};

/** System calls by what they are about. A `32` or `time64` form is the 32-bit machine's. */
const ALLOWED: Readonly<Record<string, string>> = {
  files: `
    access faccessat faccessat2 open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 flock ioctl
    read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek readahead cachestat
    sendfile sendfile64 copy_file_range splice tee vmsplice fallocate ftruncate ftruncate64 truncate truncate64
    fadvise64 fadvise64_64 fsync fdatasync sync syncfs sync_file_range stat stat64 lstat lstat64 fstat fstat64 fstatat64
    newfstatat statx statfs statfs64 fstatfs fstatfs64 umask chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32
    fchownat lchown lchown32 utime utimes utimensat utimensat_time64 futimesat name_to_handle_at
    memfd_create memfd_secret`,
  names: `
    link linkat symlink symlinkat readlink readlinkat unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat
    getdents getdents64 getcwd chdir fchdir chroot
    getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr
    getxattrat setxattrat listxattrat removexattrat
    inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark`,
  waiting: `
    poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
    epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 pipe pipe2
    io_setup io_submit io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64`,
  memory: `
    brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall membarrier mseal
    remap_file_pages pkey_alloc pkey_free pkey_mprotect map_shadow_stack`,
  processes: `
    fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid getpgid getpgrp setpgid getsid setsid
    prctl seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self set_tid_address set_robust_list get_robust_list
    rseq set_thread_area get_thread_area restart_syscall pidfd_open pidfd_send_signal process_mrelease
    process_vm_readv process_vm_writev ptrace
    futex futex_time64 futex_waitv futex_wake futex_wait futex_requeue getcpu uname sysinfo getrandom
    getpriority setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit prlimit64 getrusage times
    sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam sched_getscheduler
    sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64`,
  users: `
    getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32
    getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32
    setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset`,
  signals: `
    kill tkill tgkill pause alarm sigaltstack sigprocmask sigreturn rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
    rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo`,
  time: `
    time gettimeofday adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 nanosleep getitimer setitimer
    timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
    timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64`,
  sockets: `
    socketpair bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt shutdown
    send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64`,
  systemV: `
    ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
    mq_open mq_unlink mq_notify mq_getsetattr mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64`,
};
