// The tests of root once more, by processes of an ordinary user.
process.env["VARVE_TEST_AS"] = "user";
await import("./container-lifecycle.test.js");
export {};
