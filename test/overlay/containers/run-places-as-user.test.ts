// The tests of root once more, by processes of an ordinary user.
process.env["VARVE_TEST_AS"] = "user";
await import("./run-places.test.js");
export {};
